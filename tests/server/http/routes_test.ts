import { assertEquals } from "@std/assert";
import { OPEN_ACCESS } from "../../../lib/chat/access.ts";
import { createLimitHits } from "../../../lib/chat/limit_hits.ts";
import { parseJoinRequest } from "../../../lib/server/http/join_request.ts";
import { TOO_MANY } from "../../../lib/server/http/refusal.ts";
import { createHandler } from "../../../lib/server/http/routes.ts";

Deno.test("createHandler() without a serve engine upgrades nothing", async () => {
  const joinRequest = parseJoinRequest("", null);
  if (typeof joinRequest === "string") throw new Error(joinRequest);
  const handler = createHandler({
    admit: () => ({ kind: "chat", joinRequest }),
    guard: {
      enter: () => {
        throw new Error("not called");
      },
      refuseConnection: () => undefined,
    },
    limitHits: createLimitHits(),
    serveEngine: undefined,
    roomsApi: { handle: () => Promise.reject(new Error("not called")) },
    peerOf: () => ({ address: "127.0.0.1:1", ip: "127.0.0.1" }),
  });
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const request = new Request("http://localhost/ws", { headers: { upgrade: "websocket" } });
  const response = await handler(request, { remoteAddr, completed: Promise.resolve() });
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
});

Deno.test("createHandler() refuses an upgrade whose address has too many connections by then", async () => {
  const joinRequest = parseJoinRequest("", null);
  if (typeof joinRequest === "string") throw new Error(joinRequest);
  const limitHits = createLimitHits();
  const peer = { address: "127.0.0.1:1", ip: "127.0.0.1" };
  const handler = createHandler({
    admit: () => ({ kind: "chat", joinRequest }),
    guard: {
      enter: () => Promise.resolve({ access: OPEN_ACCESS, ...peer }),
      refuseConnection: () => TOO_MANY.connections(),
    },
    limitHits,
    serveEngine: {
      upgrade: () => {
        throw new Error("not called");
      },
    },
    roomsApi: { handle: () => Promise.reject(new Error("not called")) },
    peerOf: () => peer,
  });
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const request = new Request("http://localhost/ws", { headers: { upgrade: "websocket" } });
  const response = await handler(request, { remoteAddr, completed: Promise.resolve() });
  assertEquals([response.status, response.headers.get("retry-after")], [429, "10"]);
  assertEquals(limitHits.connections_per_address, 1);
});
