import { frameBytes, OPCODE, payloadStart } from "../../websocket/frame.ts";
import type { Body } from "../message.ts";

/** Bodies of messages in one buffer, so that they go to another thread without a copy for each. */
export interface PackedBodies {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** For each body its start and its end in `bytes`. The bytes between bodies mean nothing. */
  readonly bounds: Uint32Array<ArrayBuffer>;
  /** For each body 1 if it is binary, 0 if it is text in UTF-8. */
  readonly isBinary: Uint8Array<ArrayBuffer>;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Packs the payloads of this many unmasked frames. The frames are copied. */
export function packBodies(frames: Uint8Array, count: number): PackedBodies {
  const bounds = new Uint32Array(2 * count);
  const isBinary = new Uint8Array(count);
  for (let at = 0, index = 0; index < count; index++) {
    const end = at + frameBytes(frames, at);
    if ((frames[at]! & 0x0f) === OPCODE.binary) isBinary[index] = 1;
    bounds[2 * index] = payloadStart(frames, at);
    bounds[2 * index + 1] = end;
    at = end;
  }
  return { bytes: new Uint8Array(frames), bounds, isBinary };
}

/** The bodies, in order. Binary ones are views of the buffer. */
export function* unpackBodies({ bytes, bounds, isBinary }: PackedBodies): Generator<Body> {
  for (let index = 0; index < isBinary.length; index++) {
    const body = bytes.subarray(bounds[2 * index], bounds[2 * index + 1]);
    yield isBinary[index] ? body : decoder.decode(body);
  }
}
