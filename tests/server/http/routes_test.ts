import { assertEquals } from "@std/assert";
import { parseJoinRequest } from "../../../lib/server/http/join_request.ts";
import { createHandler } from "../../../lib/server/http/routes.ts";

Deno.test("createHandler() without a serve engine upgrades nothing", async () => {
  const joinRequest = parseJoinRequest("", null);
  if (typeof joinRequest === "string") throw new Error(joinRequest);
  const handler = createHandler({
    admit: () => ({ kind: "chat", joinRequest }),
    serveEngine: undefined,
    roomsApi: { handle: () => Promise.reject(new Error("not called")) },
    readinessChecks: [],
    clientOf: () => ({ address: "127.0.0.1:1" }),
  });
  const remoteAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  const request = new Request("http://localhost/ws", { headers: { upgrade: "websocket" } });
  const response = await handler(request, { remoteAddr, completed: Promise.resolve() });
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
});
