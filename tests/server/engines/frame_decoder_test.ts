import { assertEquals } from "@std/assert";
import { encodeFrames } from "../../../lib/chat/log/frames.ts";
import { FrameDecoder } from "../../../lib/server/engines/frame_decoder.ts";

Deno.test("FrameDecoder.decode() converts each frame, in order", () => {
  const decoder = new FrameDecoder((body) => typeof body === "string" ? body : [...body]);
  const frames = encodeFrames(["one", Uint8Array.of(1, 2), "two"]);
  assertEquals(decoder.decode(frames), ["one", [1, 2], "two"]);
});

Deno.test("FrameDecoder.decode() converts a piece once, however many readers get it", () => {
  let count = 0;
  const decoder = new FrameDecoder((body) => ({ body, count: ++count }));
  const frames = encodeFrames(["one", "two"]);
  const items = decoder.decode(frames);
  // Each delivery is a view of its own on the same bytes of the log.
  assertEquals(decoder.decode(frames.subarray()) === items, true);
  assertEquals(count, 2);
});

Deno.test("FrameDecoder.decode() converts another piece of the same buffer", () => {
  const decoder = new FrameDecoder(String);
  const frames = encodeFrames(["one", "two"]);
  const middle = frames.length / 2;
  assertEquals(decoder.decode(frames.subarray(0, middle)), ["one"]);
  assertEquals(decoder.decode(frames.subarray(middle)), ["two"]);
  assertEquals(decoder.decode(frames), ["one", "two"]);
});
