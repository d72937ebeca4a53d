import { assertEquals } from "@std/assert";
import { FullSockets } from "../../../lib/server/engines/full_sockets.ts";

const WATERMARK_BYTES = 100;

function fakeSocket(bufferedAmount: number) {
  return { readyState: WebSocket.OPEN as number, bufferedAmount };
}

Deno.test("FullSockets.whenEmptier() does not wait for a socket with room", async () => {
  const full = new FullSockets(WATERMARK_BYTES, 0);
  assertEquals(await full.whenEmptier(fakeSocket(100)), "emptier");
});

Deno.test("FullSockets.whenEmptier() waits until a socket has emptied", async () => {
  const full = new FullSockets(WATERMARK_BYTES, 0);
  const [one, other] = [fakeSocket(101), fakeSocket(200)];
  const order: string[] = [];
  const waits = [
    full.whenEmptier(one).then(() => order.push("one")),
    full.whenEmptier(other).then(() => order.push("other")),
  ];
  other.bufferedAmount = 0;
  await waits[1];
  assertEquals(order, ["other"]);
  one.bufferedAmount = 0;
  await waits[0];
});

Deno.test("FullSockets.whenEmptier() does not wait for a socket that has closed", async () => {
  const full = new FullSockets(WATERMARK_BYTES, 0);
  const socket = fakeSocket(101);
  const wait = full.whenEmptier(socket);
  socket.readyState = WebSocket.CLOSED;
  assertEquals(await wait, "emptier");
});

Deno.test("FullSockets.whenEmptier() tells of a socket that makes no progress", async () => {
  const full = new FullSockets(WATERMARK_BYTES, 20);
  assertEquals(await full.whenEmptier(fakeSocket(101)), "stalled");
});
