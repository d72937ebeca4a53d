import { assertEquals } from "@std/assert";
import { encodeFrames, toBody } from "../../../lib/chat/log/frames.ts";
import { eachFrame, encodeFrame, OPCODE } from "../../../lib/websocket/frame.ts";

const encoder = new TextEncoder();

// Lengths around the header sizes, where the count of characters and of bytes differ or agree.
const TEXTS = [
  "",
  "hi",
  "\uFEFF",
  "é😀",
  "a".repeat(125),
  "a".repeat(126),
  "é".repeat(63),
  "é".repeat(125),
]
  .concat(["a".repeat(65_535), "a".repeat(65_536), "é".repeat(32_768), "é".repeat(65_535)]);

Deno.test("encodeFrames() encodes the same frames as encodeFrame()", () => {
  for (const text of TEXTS) {
    assertEquals(encodeFrames([text]), encodeFrame(OPCODE.text, encoder.encode(text)));
    const bytes = encoder.encode(text);
    assertEquals(encodeFrames([bytes]), encodeFrame(OPCODE.binary, bytes));
  }
  assertEquals(encodeFrames([]), new Uint8Array(0));
});

Deno.test("toBody() decodes what encodeFrames() encodes", () => {
  const bodies = [...TEXTS, ...TEXTS.map((text) => encoder.encode(text))];
  const frames = encodeFrames(bodies);
  assertEquals(
    Array.from(eachFrame(frames), ({ opcode, payload }) => toBody(opcode, payload)),
    bodies,
  );
});
