/** The type of a frame (RFC 6455 section 5.2). Values from 8 on are control frames. */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

/** The opcode of a whole message. */
export type MessageOpcode = typeof OPCODE.text | typeof OPCODE.binary;

/** One end of a connection. A client must mask its frames, a server must not (section 5.1). */
export type Role = "server" | "client";

/**
 * Encodes one final frame.
 *
 * @param key The masking key. A client's frame needs one, a server's must not have one.
 */
export function encodeFrame(
  opcode: number,
  payload: Uint8Array,
  key?: number,
): Uint8Array<ArrayBuffer> {
  const keyBytes = key === undefined ? 0 : 4;
  const frame = new Uint8Array(headerBytes(payload.length) + keyBytes + payload.length);
  const headerEnd = writeHeader(frame, 0, opcode, payload.length);
  frame.set(payload, headerEnd + keyBytes);
  if (key !== undefined) {
    frame[1]! |= 0x80;
    new DataView(frame.buffer).setUint32(headerEnd, key);
    applyMask(frame, headerEnd + 4, frame.length, key);
  }
  return frame;
}

/** Returns the size of the header of an unmasked frame. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
}

/**
 * Writes the header of a final, unmasked frame (RFC 6455 section 5.2).
 *
 * @returns The offset in `target` at which the payload begins.
 */
export function writeHeader(
  target: Uint8Array,
  at: number,
  opcode: number,
  payloadBytes: number,
): number {
  target[at] = 0x80 | opcode;
  if (payloadBytes < 126) {
    target[at + 1] = payloadBytes;
    return at + 2;
  }
  if (payloadBytes < 0x10000) {
    target[at + 1] = 126;
    target[at + 2] = payloadBytes >>> 8;
    target[at + 3] = payloadBytes;
    return at + 4;
  }
  target[at + 1] = 127;
  new DataView(target.buffer, target.byteOffset + at + 2).setBigUint64(0, BigInt(payloadBytes));
  return at + 10;
}

/** A frame within a sequence of frames. */
export interface FrameView {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/**
 * Iterates over a sequence of whole, unmasked frames.
 *
 * It does not check them: it is for frames that this program has encoded.
 */
export function* eachFrame(frames: Uint8Array): Generator<FrameView> {
  for (let at = 0; at < frames.length;) {
    const end = at + frameBytes(frames, at);
    const opcode = frames[at]! & 0x0f;
    yield { opcode, payload: frames.subarray(payloadStart(frames, at), end) };
    at = end;
  }
}

/** Returns the size of the unmasked frame at `at`, with its header. It checks nothing. */
export function frameBytes(frames: Uint8Array, at: number): number {
  const short = frames[at + 1]!;
  if (short < 126) return 2 + short;
  if (short === 126) return 4 + ((frames[at + 2]! << 8) | frames[at + 3]!);
  return 10 + Number(new DataView(frames.buffer, frames.byteOffset + at + 2).getBigUint64(0));
}

/** Returns where the payload of the unmasked frame at `at` starts. */
export function payloadStart(frames: Uint8Array, at: number): number {
  const short = frames[at + 1]!;
  return at + (short < 126 ? 2 : short === 126 ? 4 : 10);
}

/**
 * Masks or unmasks bytes in place, which is the same operation (RFC 6455 section 5.3).
 *
 * @param key The masking key, with its first byte in the highest eight bits.
 * @returns True if every resulting byte is below 0x80. After unmasking, this means that the text is
 * ASCII, and so valid UTF-8. The loop finds it out at no cost.
 */
export function applyMask(bytes: Uint8Array, start: number, end: number, key: number): boolean {
  const k0 = key >>> 24, k1 = (key >>> 16) & 0xff, k2 = (key >>> 8) & 0xff, k3 = key & 0xff;
  let all = 0;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    all |= (bytes[at]! ^= k0) | (bytes[at + 1]! ^= k1) | (bytes[at + 2]! ^= k2) |
      (bytes[at + 3]! ^= k3);
  }
  if (at < end) all |= bytes[at]! ^= k0;
  if (at + 1 < end) all |= bytes[at + 1]! ^= k1;
  if (at + 2 < end) all |= bytes[at + 2]! ^= k2;
  return all < 0x80;
}
