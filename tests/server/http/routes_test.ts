import { assertEquals } from "@std/assert";
import { OPEN_ACCESS } from "../../../lib/chat/access.ts";
import { parseJoinRequest } from "../../../lib/server/http/join_request.ts";
import { TOO_MANY } from "../../../lib/server/http/refusal.ts";
import { createHandler } from "../../../lib/server/http/routes.ts";

Deno.test("createHandler() without a serve engine upgrades nothing", async () => {
  const joinRequest = parseJoinRequest("", null);
  if (typeof joinRequest === "string") throw new Error(joinRequest);
  const refused: number[] = [];
  const handler = createHandler({
    admit: () => ({ kind: "chat", joinRequest }),
    adminApi: undefined,
    guard: {
      enter: () => {
        throw new Error("not called");
      },
      refuseConnection: () => undefined,
    },
    serveEngine: undefined,
    onFault: (error) => {
      throw error;
    },
    roomsApi: { handle: () => Promise.reject(new Error("not called")) },
    metrics: { respond: () => Promise.reject(new Error("not called")) },
    readinessChecks: [],
    onRefused: (_request, { status }) => refused.push(status),
    peerOf: () => ({ address: "127.0.0.1:1", ip: "127.0.0.1" }),
  });
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const request = new Request("http://localhost/ws", { headers: { upgrade: "websocket" } });
  const response = await handler(request, { remoteAddr, completed: Promise.resolve() });
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
  assertEquals(refused, [503]);
});

Deno.test("createHandler() refuses an upgrade whose address has too many connections by then", async () => {
  const joinRequest = parseJoinRequest("", null);
  if (typeof joinRequest === "string") throw new Error(joinRequest);
  const refused: (string | undefined)[] = [];
  const peer = { address: "127.0.0.1:1", ip: "127.0.0.1" };
  const handler = createHandler({
    admit: () => ({ kind: "chat", joinRequest }),
    guard: {
      enter: () => Promise.resolve({ access: OPEN_ACCESS, ...peer, requestId: undefined }),
      refuseConnection: () => TOO_MANY.connections(),
    },
    adminApi: undefined,
    metrics: { respond: () => Promise.reject(new Error("not called")) },
    readinessChecks: [],
    onRefused: (_request, { limit }) => refused.push(limit),
    onFault: (error) => {
      throw error;
    },
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
  assertEquals(refused, ["connections_per_address"]);
});
