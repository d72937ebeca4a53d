import { assertEquals } from "@std/assert";
import { BufferWatcher } from "../../../lib/server/engines/buffer_watcher.ts";

const WATERMARK_BYTES = 100;

function fakeSocket(bufferedAmount: number) {
  return { readyState: WebSocket.OPEN as number, bufferedAmount };
}

Deno.test("BufferWatcher.whenDrained() resolves at once for a buffer with room", async () => {
  const watcher = new BufferWatcher(WATERMARK_BYTES, 0);
  assertEquals(await watcher.whenDrained(fakeSocket(100)), "drained");
});

Deno.test("BufferWatcher.whenDrained() waits until a full buffer has drained", async () => {
  const watcher = new BufferWatcher(WATERMARK_BYTES, 0);
  const [one, other] = [fakeSocket(101), fakeSocket(200)];
  const order: string[] = [];
  const waits = [
    watcher.whenDrained(one).then(() => order.push("one")),
    watcher.whenDrained(other).then(() => order.push("other")),
  ];
  other.bufferedAmount = 0;
  await waits[1];
  assertEquals(order, ["other"]);
  one.bufferedAmount = 0;
  await waits[0];
});

Deno.test("BufferWatcher.whenDrained() stops waiting when the socket closes", async () => {
  const watcher = new BufferWatcher(WATERMARK_BYTES, 0);
  const socket = fakeSocket(101);
  const wait = watcher.whenDrained(socket);
  socket.readyState = WebSocket.CLOSED;
  assertEquals(await wait, "drained");
});

Deno.test("BufferWatcher.whenDrained() reports a full buffer that does not change", async () => {
  const watcher = new BufferWatcher(WATERMARK_BYTES, 20);
  assertEquals(await watcher.whenDrained(fakeSocket(101)), "stalled");
});
