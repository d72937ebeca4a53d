import { ByteBuffer } from "./byte_buffer.ts";
import { type CloseStatus, parseClosePayload } from "./close_frame.ts";
import { applyMask, type MessageOpcode, OPCODE, type Role } from "./frame.ts";
import { ProtocolError } from "./protocol_error.ts";
import { isUtf8 } from "./utf8.ts";

/** What a {@linkcode Receiver} accepts. */
export interface ReceiverOptions {
  readonly role: Role;
  /** The size limit of a message, all its fragments together. */
  readonly maxMessageBytes: number;
}

/**
 * Handles what the peer has sent.
 *
 * The bytes are lent: copy what you need after the call returns.
 */
export interface ReceiverListener {
  /** Called with a whole message, in `bytes` from `start` to `end`. A text is valid UTF-8. */
  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void;
  onPing(payload: Uint8Array): void;
  onPong(payload: Uint8Array): void;
  /** Called with the content of the peer's close frame. Nothing else is called after it. */
  onClose(status: CloseStatus): void;
}

/**
 * The receiving half of a connection (RFC 6455 section 5): it takes bytes as they arrive and calls
 * its listener with messages, pings, pongs and the close frame. It rejects whatever breaks the
 * protocol.
 *
 * It stores only unfinished things: the start of a frame, and the fragments of a message. Their
 * memory grows with the bytes that have arrived, not with the length that a frame claims. A message
 * that arrives in one piece is passed on without a copy.
 */
export class Receiver {
  readonly #expectsMask: boolean;
  readonly #maxMessageBytes: number;
  readonly #listener: ReceiverListener;
  /** The start of a frame whose end has not arrived. */
  #partialFrame: ByteBuffer | undefined;
  #fragments: ByteBuffer | undefined;
  #fragmentsOpcode: MessageOpcode = OPCODE.text;
  #isDone = false;

  constructor({ role, maxMessageBytes }: ReceiverOptions, listener: ReceiverListener) {
    this.#expectsMask = role === "server";
    this.#maxMessageBytes = maxMessageBytes;
    this.#listener = listener;
  }

  /** True if further bytes are ignored: the close frame has arrived, or `receive()` has thrown. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /**
   * Handles the next bytes of the stream. It unmasks them in place.
   *
   * @throws {ProtocolError} If the peer breaks the protocol. Everything before the fault has been
   * handled by then.
   * @throws Whatever the listener throws.
   */
  receive(bytes: Uint8Array): void {
    try {
      const partial = this.#partialFrame;
      const joined = partial ? partial.append(bytes) : bytes;
      const end = this.#parse(joined);
      if (end === joined.length) this.#partialFrame = undefined;
      else if (end > 0 || !partial) this.#partialFrame = new ByteBuffer(joined.subarray(end));
    } catch (error) {
      this.#isDone = true;
      this.#partialFrame = undefined;
      this.#fragments = undefined;
      throw error;
    }
  }

  /** @returns The offset of the first frame that is not whole. */
  #parse(bytes: Uint8Array): number {
    const end = bytes.length;
    let at = 0;
    while (end - at >= 2 && !this.#isDone) {
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
      // Checked before the payload arrives, so that it is never stored.
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
    return this.#isDone ? end : at;
  }

  /** Checks what the first two bytes of a frame show. */
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
    if (opcode === OPCODE.ping) this.#listener.onPing(payload);
    else if (opcode === OPCODE.pong) this.#listener.onPong(payload);
    else if (opcode === OPCODE.close) {
      const status = parseClosePayload(payload);
      this.#isDone = true;
      this.#listener.onClose(status);
    }
  }

  #fragment(opcode: number, isFinal: boolean, payload: Uint8Array): void {
    if (opcode !== OPCODE.continuation) {
      this.#fragments = new ByteBuffer();
      this.#fragmentsOpcode = opcode as MessageOpcode;
    }
    const bytes = this.#fragments!.append(payload);
    if (!isFinal) return;
    this.#fragments = undefined;
    this.#message(this.#fragmentsOpcode, bytes, 0, bytes.length, false);
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
    this.#listener.onMessage(opcode, bytes, start, end);
  }
}

/** Reads and checks the length that follows a short length of 126 or 127. */
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

/** Reads four bytes as a number, the first in the highest bits. */
function readKey(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}
