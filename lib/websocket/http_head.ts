/** The first line and the header fields of an HTTP/1.1 request or response. */
export interface HttpHead {
  /** The three parts of the first line: method, target and version, or version, status and phrase. */
  readonly start: readonly [string, string, string];
  readonly headers: FieldMap;
}

/** Header fields by name, in any case. Fields of one name are joined with commas, as RFC 9110 section 5.3 has it. */
export interface FieldMap {
  get(name: string): string | null;
}

/** The fault of a head that is not finished within its limit. */
export class HeadTooLongError extends RangeError {
  override readonly name = "HeadTooLongError";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether a text is a token, as names of header fields and subprotocols are (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Puts the pieces of a stream together until a head is whole. */
export class HeadReader {
  readonly #maxBytes: number;
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next piece.
   *
   * @returns The head, the empty line that ends it included, and what has come in behind it; undefined while it is not whole.
   * @throws {HeadTooLongError} If it is not whole after `maxBytes`.
   */
  push(piece: Uint8Array): { head: Uint8Array; rest: Uint8Array } | undefined {
    const before = this.#bytes.length;
    if (before === 0) this.#bytes = piece;
    else {
      const bytes = new Uint8Array(before + piece.length);
      bytes.set(this.#bytes);
      bytes.set(piece, before);
      this.#bytes = bytes;
    }
    const end = findHeadEnd(this.#bytes, Math.max(0, before - 3));
    if (end < 0 ? this.#bytes.length >= this.#maxBytes : end > this.#maxBytes) {
      throw new HeadTooLongError(
        `The head of the request is not whole after ${this.#maxBytes} bytes`,
      );
    }
    if (end < 0) return undefined;
    return { head: this.#bytes.subarray(0, end), rest: this.#bytes.subarray(end) };
  }

  /** Everything that has come. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** Where the empty line ends that ends the head; -1 if it is not there. */
function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(13, from); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return -1;
}

/**
 * Parses a whole head. It is stricter than a general HTTP parser needs to be: no bare line feeds, no folded lines.
 *
 * @returns undefined if it is no well-formed head.
 */
export function parseHead(bytes: Uint8Array): HttpHead | undefined {
  const [startLine = "", ...lines] = new TextDecoder("latin1").decode(bytes).slice(0, -4).split(
    "\r\n",
  );
  const start = startLine.match(/^([^ ]+) ([^ ]+) (.*)$/)?.slice(1);
  if (!start) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!isToken(name) || /[\0\r\n]/.test(line)) return undefined;
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return {
    start: start as [string, string, string],
    headers: { get: (name) => fields.get(name.toLowerCase()) ?? null },
  };
}
