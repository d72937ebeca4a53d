import { applyMask } from "./mask.ts";

/** How many bytes the header of an unmasked frame with this much payload takes. */
export function headerBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 0x10000 ? 4 : 10;
}

/**
 * Writes the header of a final, unmasked frame (RFC 6455 section 5.2).
 *
 * @returns Where the payload begins.
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

/** A whole, final frame. With a masking key it is a client's, without one a server's. */
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

/** How many bytes the unmasked frame takes that begins here. */
export function frameBytes(frames: Uint8Array, at: number): number {
  const short = frames[at + 1]!;
  if (short < 126) return 2 + short;
  if (short === 126) return 4 + ((frames[at + 2]! << 8) | frames[at + 3]!);
  return 10 + Number(new DataView(frames.buffer, frames.byteOffset + at + 2).getBigUint64(0));
}

/** One frame of many that stand one behind the other. */
export interface FrameView {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/** Walks over whole, unmasked frames that this program has encoded, as a {@linkcode writeHeader} log holds them. */
export function* eachFrame(frames: Uint8Array): Generator<FrameView> {
  for (let at = 0; at < frames.length;) {
    const end = at + frameBytes(frames, at);
    const opcode = frames[at]! & 0x0f;
    yield { opcode, payload: frames.subarray(payloadStart(frames, at), end) };
    at = end;
  }
}

function payloadStart(frames: Uint8Array, at: number): number {
  const short = frames[at + 1]!;
  return at + (short < 126 ? 2 : short === 126 ? 4 : 10);
}
