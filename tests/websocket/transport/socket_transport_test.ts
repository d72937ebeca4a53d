import { assertEquals } from "@std/assert";
import { Socket } from "node:net";
import { checkDirectWrite } from "../../../lib/websocket/transport/socket_transport.ts";

Deno.test("checkDirectWrite() returns false if there is no Socket._write()", async () => {
  const prototype = Socket.prototype as unknown as { _write: unknown };
  const { _write } = prototype;
  prototype._write = undefined;
  try {
    assertEquals(await checkDirectWrite(), false);
  } finally {
    prototype._write = _write;
  }
  assertEquals(await checkDirectWrite(), true);
});
