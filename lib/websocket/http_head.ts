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

/**
 * Reads from a connection until a head is whole.
 *
 * @returns The bytes read and where the head ends in them (whatever follows has come with it), or undefined if the peer
 *   ended the connection before.
 * @throws {HeadTooLongError} If it is not whole after `maxBytes`.
 */
export async function readHead(
  conn: { read(bytes: Uint8Array): Promise<number | null> },
  maxBytes: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; headEnd: number } | undefined> {
  let bytes = new Uint8Array(Math.min(1024, maxBytes));
  for (let length = 0;;) {
    const read = await conn.read(bytes.subarray(length));
    if (read === null) return undefined;
    const headEnd = findHeadEnd(bytes, Math.max(0, length - 3), length + read);
    length += read;
    if (headEnd >= 0) return { bytes: bytes.subarray(0, length), headEnd };
    if (length === maxBytes) {
      throw new HeadTooLongError(`The head of the request is not whole after ${maxBytes} bytes`);
    }
    if (length === bytes.length) {
      const larger = new Uint8Array(Math.min(4 * length, maxBytes));
      larger.set(bytes);
      bytes = larger;
    }
  }
}

/** Where the empty line ends that ends the head; -1 if it is not there. */
function findHeadEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at + 3 < to; at++) {
    if (
      bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10
    ) return at + 4;
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
    if (!TOKEN.test(name) || /[\0\r\n]/.test(line)) return undefined;
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    const before = fields.get(name);
    fields.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return {
    start: start as [string, string, string],
    headers: { get: (name) => fields.get(name.toLowerCase()) ?? null },
  };
}
