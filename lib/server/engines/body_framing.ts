/** The longest chunk size in hexadecimal digits. */
const MAX_SIZE_DIGITS = 12;

/** The maximum size of all chunk extensions and trailers of a body. */
const MAX_EXTRA_BYTES = 16 * 1024;

const CR = 13, LF = 10;

/**
 * Finds the end of the body of an HTTP/1.1 message (RFC 9112 sections 6 and 7).
 *
 * ```text
 * size ─┬─────────────▶ size end ──▶ data ──▶ data CR ──▶ data LF ──▶ size …
 *       └▶ extension ──▶ ▲   └─size 0─▶ trailer start ─┬──────▶ last LF ──▶ whole
 *                                            ▲         └▶ trailer ──▶ trailer LF ─┐
 *                                            └────────────────────────────────────┘
 * ```
 *
 * A body of a known length begins in `data`.
 */
export class BodyFraming {
  readonly isChunked: boolean;
  #state: State;
  /** Bytes of the body or the chunk that are still to come. */
  #left = 0;
  #digitCount = 0;
  #extraBytes = 0;

  /** @param length The length in bytes; `Infinity` if the body ends with the connection. */
  constructor(length: number | "chunked") {
    this.isChunked = length === "chunked";
    if (length !== "chunked") this.#left = length;
    this.#state = length === "chunked" ? "size" : length > 0 ? "data" : "whole";
  }

  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /**
   * Takes the next bytes.
   *
   * @param from Where the body, or the rest of it, begins in `bytes`.
   * @returns Where it ends in `bytes`: before their end only if the body is whole.
   * @throws {SyntaxError} If a chunk is malformed.
   */
  read(bytes: Uint8Array, from = 0): number {
    let at = from;
    while (at < bytes.length && this.#state !== "whole") {
      if (this.#state === "data") {
        const length = Math.min(this.#left, bytes.length - at);
        at += length;
        this.#left -= length;
        if (this.#left === 0) this.#state = this.isChunked ? "data CR" : "whole";
      } else this.#state = this.#next(bytes[at++]!);
    }
    return at;
  }

  #next(byte: number): State {
    switch (this.#state) {
      case "size":
        return this.#readSize(byte);
      case "extension space":
        if (byte === 0x20 || byte === 0x09) return this.#extra("extension space");
        return byte === 0x3b ? "extension" : expect(byte === CR, "size end", "size");
      case "extension":
        if (byte === CR) return "size end";
        return expect(byte !== LF, this.#extra("extension"), "extension");
      case "size end":
        return expect(byte === LF, this.#left > 0 ? "data" : "trailer start", "size");
      case "data CR":
        return expect(byte === CR, "data LF", "end");
      case "data LF":
        this.#digitCount = 0;
        return expect(byte === LF, "size", "end");
      case "trailer start":
        if (byte === CR) return "last LF";
        return expect(byte !== LF, this.#extra("trailer"), "trailer");
      case "trailer":
        if (byte === CR) return "trailer LF";
        return expect(byte !== LF, this.#extra("trailer"), "trailer");
      case "trailer LF":
        return expect(byte === LF, "trailer start", "trailer");
      case "last LF":
        return expect(byte === LF, "whole", "trailer");
      case "data":
      case "whole":
        return this.#state;
    }
  }

  #readSize(byte: number): State {
    const digit = hexDigit(byte);
    if (digit !== undefined) {
      if (this.#digitCount++ === 0) this.#left = 0;
      this.#left = this.#left * 16 + digit;
      return expect(this.#digitCount <= MAX_SIZE_DIGITS, "size", "size");
    }
    expect(this.#digitCount > 0, "size", "size");
    if (byte === 0x20 || byte === 0x09) return this.#extra("extension space");
    return byte === 0x3b ? "extension" : expect(byte === CR, "size end", "size");
  }

  #extra(state: State): State {
    const isShort = ++this.#extraBytes <= MAX_EXTRA_BYTES;
    return expect(isShort, state, state === "trailer" ? "trailer" : "extension");
  }
}

type State =
  | "size"
  | "extension space"
  | "extension"
  | "size end"
  | "data"
  | "data CR"
  | "data LF"
  | "trailer start"
  | "trailer"
  | "trailer LF"
  | "last LF"
  | "whole";

function hexDigit(byte: number): number | undefined {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}

/** @param part The part of the chunk that is malformed if this is not true. */
function expect(isRight: boolean, state: State, part: "size" | "extension" | "end" | "trailer") {
  if (!isRight) throw new SyntaxError(`The body has a chunk with a malformed ${part}`);
  return state;
}
