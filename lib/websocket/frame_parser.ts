import { type CloseStatus, parseClosePayload } from "./close_frame.ts";
import { applyMask } from "./mask.ts";
import { type MessageOpcode, OPCODE } from "./opcode.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isUtf8 } from "./utf8.ts";

/** Which end of the connection this is. */
export type Role = "server" | "client";

/** What the parser finds. The bytes are lent: they are good until the call returns. */
export interface FrameHandler {
  /** A whole message, its fragments put together: `bytes` from `start` to `end`. A text is known to be UTF-8. */
  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** The peer's close frame. The parser ignores whatever comes after it. */
  onClose(status: CloseStatus): void;
}

/** What the parser allows. */
export interface FrameParserOptions {
  readonly role: Role;
  /** The longest message, all fragments together. */
  readonly maxMessageBytes: number;
}

/**
 * Takes a stream of bytes apart into messages and control frames (RFC 6455 section 5), and refuses whatever breaks the
 * rules. It holds nothing but the fragments of an unfinished message: a frame that is not yet whole stays where it is, in
 * the caller's buffer, so that a payload is copied only if it is a fragment.
 */
export class FrameParser {
  readonly #expectsMask: boolean;
  readonly #maxMessageBytes: number;
  readonly #handler: FrameHandler;
  #fragments: Fragments | undefined;
  #isClosed = false;

  constructor({ role, maxMessageBytes }: FrameParserOptions, handler: FrameHandler) {
    this.#expectsMask = role === "server";
    this.#maxMessageBytes = maxMessageBytes;
    this.#handler = handler;
  }

  /**
   * Handles every frame that is whole in `bytes` from `start` to `end`, unmasking it in place.
   *
   * @returns Where the first frame begins that is not whole; call again with it and what follows.
   * @throws {ProtocolError} At the first fault, when all before it is handled.
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (end - at >= 2 && !this.#isClosed) {
      const first = bytes[at]!;
      const second = bytes[at + 1]!;
      const opcode = first & 0x0f;
      const isFinal = first >= 0x80;
      const isMasked = second >= 0x80;
      let length = second & 0x7f;
      this.#checkHeader(first, isMasked, length);

      let payloadAt = at + 2;
      if (length >= 126) {
        const lengthEnd = payloadAt + (length === 126 ? 2 : 8);
        if (lengthEnd > end) break;
        length = readLength(bytes, payloadAt, length);
        payloadAt = lengthEnd;
      }
      // Before the payload has come, let alone been stored.
      if (
        opcode < OPCODE.close && length + (this.#fragments?.length ?? 0) > this.#maxMessageBytes
      ) {
        throw new ProtocolError("MESSAGE_TOO_BIG");
      }
      if (isMasked) payloadAt += 4;
      const payloadEnd = payloadAt + length;
      if (payloadEnd > end) break;

      const isAscii = isMasked &&
        applyMask(bytes, payloadAt, payloadEnd, readKey(bytes, payloadAt - 4));
      at = payloadEnd;
      if (opcode >= OPCODE.close) this.#control(opcode, bytes.subarray(payloadAt, payloadEnd));
      else if (isFinal && opcode !== OPCODE.continuation) {
        this.#message(opcode as MessageOpcode, bytes, payloadAt, payloadEnd, isAscii);
      } else this.#fragment(opcode, isFinal, bytes.subarray(payloadAt, payloadEnd));
    }
    return this.#isClosed ? end : at;
  }

  /** What the first two bytes of a frame must be, whatever follows. */
  #checkHeader(first: number, isMasked: boolean, shortLength: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) throw new ProtocolError("RESERVED_BIT");
    if (opcode > OPCODE.pong || (opcode > OPCODE.binary && opcode < OPCODE.close)) {
      throw new ProtocolError("RESERVED_OPCODE");
    }
    if (isMasked !== this.#expectsMask) throw new ProtocolError(isMasked ? "MASKED" : "NOT_MASKED");
    if (opcode >= OPCODE.close) {
      if (shortLength > 125) throw new ProtocolError("CONTROL_TOO_LONG");
      if (first < 0x80) throw new ProtocolError("CONTROL_FRAGMENTED");
    } else if (opcode === OPCODE.continuation) {
      if (!this.#fragments) throw new ProtocolError("UNEXPECTED_CONTINUATION");
    } else if (this.#fragments) throw new ProtocolError("UNFINISHED_MESSAGE");
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === OPCODE.ping) this.#handler.onPing(payload);
    else if (opcode === OPCODE.pong) this.#handler.onPong(payload);
    else {
      const status = parseClosePayload(payload);
      this.#isClosed = true;
      this.#handler.onClose(status);
    }
  }

  #fragment(opcode: number, isFinal: boolean, payload: Uint8Array): void {
    this.#fragments ??= new Fragments(opcode as MessageOpcode);
    this.#fragments.add(payload);
    if (!isFinal) return;
    const { opcode: messageOpcode, bytes, length } = this.#fragments;
    this.#fragments = undefined;
    this.#message(messageOpcode, bytes, 0, length, false);
  }

  #message(
    opcode: MessageOpcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    isAscii: boolean,
  ): void {
    if (opcode === OPCODE.text && !isAscii && !isUtf8(bytes, start, end)) {
      throw new ProtocolError("TEXT");
    }
    this.#handler.onMessage(opcode, bytes, start, end);
  }
}

/** The fragments of a message so far, in one piece. */
class Fragments {
  readonly opcode: MessageOpcode;
  bytes = new Uint8Array(0);
  length = 0;

  constructor(opcode: MessageOpcode) {
    this.opcode = opcode;
  }

  add(payload: Uint8Array): void {
    const length = this.length + payload.length;
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.bytes.length));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(payload, this.length);
    this.length = length;
  }
}

/** The length behind a short length of 126 or 127, checked. */
function readLength(bytes: Uint8Array, at: number, shortLength: number): number {
  const high = bytes[at]! << 8 | bytes[at + 1]!;
  if (shortLength === 126) {
    if (high < 126) throw new ProtocolError("LENGTH_NOT_SHORTEST");
    return high;
  }
  const upper = high * 0x10000 + (bytes[at + 2]! << 8 | bytes[at + 3]!);
  const lower = readKey(bytes, at + 4) >>> 0;
  if (upper >= 2 ** 21) throw new ProtocolError("LENGTH_TOO_BIG");
  const length = upper * 2 ** 32 + lower;
  if (length < 0x10000) throw new ProtocolError("LENGTH_NOT_SHORTEST");
  return length;
}

/** Four bytes as a number, the first in the highest bits. */
function readKey(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}
