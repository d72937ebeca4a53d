import { applyMask, encodeFrame } from "../../../lib/websocket/frame.ts";
import { Receiver } from "../../../lib/websocket/receiver.ts";
import { isUtf8 } from "../../../lib/websocket/utf8.ts";

const KEY = 0x12345678;

const receiver = new Receiver({ role: "server", maxMessageBytes: 65_536 }, {
  onMessage: () => {},
  onPing: () => {},
  onPong: () => {},
  onClose: () => {},
});

/** Encodes as many frames as one read from a socket returns. */
function stream(payload: Uint8Array): Uint8Array {
  const frame = encodeFrame(1, payload, KEY);
  const count = Math.max(1, Math.floor(65_536 / frame.length));
  const bytes = new Uint8Array(count * frame.length);
  for (let at = 0; at < bytes.length; at += frame.length) bytes.set(frame, at);
  return bytes;
}

for (const length of [24, 125, 1024, 16_384]) {
  const original = stream(new Uint8Array(length).fill(0x78));
  const bytes = new Uint8Array(original.length);
  Deno.bench(`parse 64 KiB of frames of ${length} bytes`, () => {
    bytes.set(original); // because the receiver unmasks in place
    receiver.receive(bytes);
  });
}

const ascii = new Uint8Array(65_536).fill(0x78);
Deno.bench("unmask 64 KiB", () => {
  applyMask(ascii, 1, ascii.length, KEY);
});

const greek = new TextEncoder().encode("ω".repeat(32_768));
for (const length of [16, 100, 400, 1024, 16_384, greek.length]) {
  Deno.bench(`check ${length} bytes of Greek UTF-8`, () => {
    isUtf8(greek, 0, length);
  });
}
