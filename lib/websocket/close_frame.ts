import { encodeFrame, OPCODE } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isUtf8 } from "./utf8.ts";

/** How a connection ends: the content of a close frame, or 1005 or 1006 in its place. */
export interface CloseStatus {
  /** 1005 if the close frame has no code; 1006 if there was no close frame. */
  readonly code: number;
  readonly reason: string;
}

/** The payload of a control frame has at most 125 bytes, and two of them are the code. */
const MAX_REASON_BYTES = 123;

/**
 * Returns true if a close frame may contain this code (RFC 6455 section 7.4, and the WebSocket
 * Close Code registry of IANA).
 */
function isSendableCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999);
}

/**
 * Encodes a close frame.
 *
 * It cuts a reason of over 123 bytes between two characters. Code 1005 makes the frame empty.
 *
 * @param key See {@linkcode encodeFrame}.
 */
export function encodeCloseFrame(
  { code, reason }: CloseStatus,
  key?: number,
): Uint8Array<ArrayBuffer> {
  if (code === 1005) return encodeFrame(OPCODE.close, new Uint8Array(0), key);
  const payload = new Uint8Array(2 + MAX_REASON_BYTES);
  new DataView(payload.buffer).setUint16(0, code);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return encodeFrame(OPCODE.close, payload.subarray(0, 2 + written), key);
}

/**
 * Decodes the payload of a close frame.
 *
 * @throws {ProtocolError} If the code or the reason is not allowed.
 */
export function parseClosePayload(payload: Uint8Array): CloseStatus {
  if (payload.length === 0) return { code: 1005, reason: "" };
  if (payload.length === 1) throw new ProtocolError("CLOSE_PAYLOAD");
  const code = payload[0]! << 8 | payload[1]!;
  if (!isSendableCloseCode(code)) throw new ProtocolError("CLOSE_CODE");
  if (!isUtf8(payload, 2, payload.length)) throw new ProtocolError("CLOSE_REASON");
  return { code, reason: new TextDecoder().decode(payload.subarray(2)) };
}
