import { assertEquals } from "@std/assert";
import { OPEN_ACCESS } from "../../../lib/chat/access.ts";
import type { Chat } from "../../../lib/chat/chat.ts";
import { CLOSE_CODES } from "../../../lib/chat/close_code.ts";
import { RoomsApi } from "../../../lib/server/http/rooms_api.ts";

Deno.test("RoomsApi answers 500 or 503 when an event stream cannot join, as its close code says", async () => {
  const peer = { address: "127.0.0.1:1", ip: "127.0.0.1" };
  const url = new URL("http://localhost/rooms/tea/events");
  const statusOf = async (closeCode: typeof CLOSE_CODES[keyof typeof CLOSE_CODES]) => {
    const api = new RoomsApi({
      chat: {} as Chat,
      guard: {
        enter: () => ({ access: OPEN_ACCESS, ...peer, requestId: undefined }),
        refuseConnection: () => undefined,
      },
      maxMessageBytes: 100,
      requestTimeoutMs: 0,
      refuseJoin: () => undefined,
      eventStreams: { open: () => closeCode },
    });
    const request = new Request(url);
    const readmit = () => undefined;
    return (await api.handle({ request, url, peer, requestId: "1", readmit })).status;
  };
  assertEquals(await statusOf(CLOSE_CODES.historyUnavailable), 503);
  assertEquals(await statusOf(CLOSE_CODES.internalError), 500);
});
