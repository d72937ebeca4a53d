import { Buffer } from "node:buffer";

/** The first line and the header fields of an HTTP/1.1 request or response. */
export interface HttpHead {
  /** The parts of the first line: method, target and version; or version, status and phrase. */
  readonly start: readonly [string, string, string];
  readonly headers: FieldMap;
}

/**
 * Header fields. Fields of the same name are joined with commas (RFC 9110 section 5.3), and cookies
 * with semicolons (RFC 6265 section 5.4).
 */
export interface FieldMap {
  /** @param name In lower case. */
  get(name: string): string | null;
}

/** The head is longer than the limit. */
export class HeadTooLongError extends RangeError {
  override readonly name = "HeadTooLongError";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Whether a text is a token, such as the name of a header field (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * Collects the bytes of a stream until the head is whole. It skips empty lines before the head (RFC
 * 9112 section 2.2).
 */
export class HeadReader {
  readonly #maxBytes: number;
  #bytes = NOTHING;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next bytes. They are lent: what is needed later is copied.
   *
   * @returns The head with the empty line at its end, and the bytes that follow it; undefined if
   * the head is not whole yet. A head that has a bare line feed ends there: {@linkcode parseHead}
   * rejects it.
   * @throws {HeadTooLongError} If the head is not whole after `maxBytes`.
   */
  push(piece: Uint8Array): { head: Uint8Array; rest: Uint8Array } | undefined {
    const before = this.#bytes.length;
    // Nearly all heads arrive in one piece, and need no copy.
    if (before === 0) this.#bytes = piece;
    else {
      const bytes = new Uint8Array(before + piece.length);
      bytes.set(this.#bytes);
      bytes.set(piece, before);
      this.#bytes = bytes;
    }
    let from = Math.max(0, before - 3);
    while (this.#bytes[0] === 13 && this.#bytes[1] === 10) {
      this.#bytes = this.#bytes.subarray(2);
      from = 0;
    }
    const end = findHeadEnd(this.#bytes, from);
    if (end < 0 ? this.#bytes.length >= this.#maxBytes : end > this.#maxBytes) {
      throw new HeadTooLongError(
        `The head of the request is not whole after ${this.#maxBytes} bytes`,
      );
    }
    if (end < 0) {
      if (before === 0) this.#bytes = this.#bytes.slice();
      return undefined;
    }
    return { head: this.#bytes.subarray(0, end), rest: this.#bytes.subarray(end) };
  }

  /** All bytes so far, without the empty lines before the head. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * @param from Up to three bytes before the first byte that has not been searched.
 * @returns The offset after the empty line that ends the head, or after a bare line feed; -1 if
 * there is neither.
 */
function findHeadEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(10, from); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at - 1] !== 13 || (bytes[at - 2] === 10 && bytes[at - 3] === 13)) return at + 1;
  }
  return -1;
}

/**
 * Parses a whole head.
 *
 * It is stricter than a general HTTP parser: it accepts no bare line feeds, no folded lines, and no
 * ASCII control characters in header fields.
 *
 * @returns The head; undefined if it is malformed.
 */
export function parseHead(bytes: Uint8Array): HttpHead | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  const start = START_LINE.exec(text);
  if (!start || !text.endsWith("\r\n\r\n")) return undefined;
  const end = text.length - "\r\n".length;
  const fields = new Map<string, string>();
  for (let at = start[0].length; at < end; at = FIELD.lastIndex) {
    FIELD.lastIndex = at;
    const field = FIELD.exec(text);
    if (!field) return undefined;
    const name = field[1]!.toLowerCase();
    const value = trimSpaces(field[2]!);
    const before = fields.get(name);
    const separator = name === "cookie" ? "; " : ", ";
    fields.set(name, before === undefined ? value : before + separator + value);
  }
  return {
    start: [start[1]!, start[2]!, start[3]!],
    headers: { get: (name) => fields.get(name) ?? null },
  };
}

const START_LINE = /^([^ \r\n]+) ([^ \r\n]+) (.*)\r\n/;

/** A line with a header field. The value may have spaces around it. */
// deno-lint-ignore no-control-regex
const FIELD = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\0-\x08\n-\x1f\x7f]*)\r\n/y;

/** Removes spaces and tabs around a value. A regular expression could take quadratic time. */
export function trimSpaces(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isSpace(value.charCodeAt(start))) start++;
  while (start < end && isSpace(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09;
}
