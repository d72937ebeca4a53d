import { encodeFrame } from "./frame.ts";
import { OPCODE } from "./opcode.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isUtf8 } from "./utf8.ts";

/** What a close frame says. */
export interface CloseStatus {
  /** 1005 if the frame had none. */
  readonly code: number;
  readonly reason: string;
}

/** The most bytes of a reason that fit into a control frame beside the code. */
const MAX_REASON_BYTES = 123;

/** Whether a close frame may carry this code (RFC 6455 sections 7.4.1 and 7.4.2, and IANA's registry). */
export function isSendableCloseCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006) ||
    (code >= 3000 && code <= 4999);
}

/** A close frame with code and reason; a reason that is too long is cut between characters. Code 1005 makes it empty. */
export function encodeCloseFrame(
  { code, reason }: CloseStatus,
  key?: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(code === 1005 ? 0 : 2 + MAX_REASON_BYTES);
  if (payload.length === 0) return encodeFrame(OPCODE.close, payload, key);
  new DataView(payload.buffer).setUint16(0, code);
  const { written } = new TextEncoder().encodeInto(reason, payload.subarray(2));
  return encodeFrame(OPCODE.close, payload.subarray(0, 2 + written), key);
}

/** Reads the payload of a close frame. Throws a ProtocolError if code or reason must not be sent. */
export function parseClosePayload(payload: Uint8Array): CloseStatus {
  if (payload.length === 0) return { code: 1005, reason: "" };
  if (payload.length === 1) throw new ProtocolError("CLOSE_PAYLOAD");
  const code = payload[0]! << 8 | payload[1]!;
  if (!isSendableCloseCode(code)) throw new ProtocolError("CLOSE_CODE");
  if (!isUtf8(payload, 2, payload.length)) throw new ProtocolError("CLOSE_REASON");
  return { code, reason: new TextDecoder().decode(payload.subarray(2)) };
}
