/** How a message of the room begins in the encoding of Chorus. */
const HEAD = new TextEncoder().encode('{"type":"said","position":"');

/** More than the head and a position. */
const HEAD_BYTES = 128;

const [T, S, A, D, P, QUOTE] = [...'tsadp"'].map((letter) => letter.charCodeAt(0));

/**
 * Whether a frame is probably a message of the room, in the encoding of Chorus. Looks at few bytes,
 * because most frames are messages. Other servers may encode them in another way.
 */
export function looksLikeSaid(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start + 9] === S && bytes[start + 10] === A && bytes[start + 12] === D &&
    bytes[start + 2] === T && bytes[start + 16] === P && bytes[start + 26] === QUOTE &&
    end - start > HEAD.length;
}

/** Remembers the position of the last message, without the cost of reading each of them. */
export class LastSaid {
  #frame: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headBytes = 0;
  #position = "";

  /** Remembers a frame that {@linkcode looksLikeSaid}. It is valid until {@linkcode onRead}. */
  remember(bytes: Uint8Array, start: number, end: number): void {
    this.#frame = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Copies the begin of the last frame of a read. */
  onRead(): void {
    const frame = this.#frame;
    if (!frame) return;
    this.#frame = undefined;
    const start = this.#start;
    this.#headBytes = Math.min(HEAD_BYTES, this.#end - start);
    this.#head.set(frame.subarray(start, start + this.#headBytes));
    for (let at = 0; at < HEAD.length; at++) {
      if (frame[start + at] === HEAD[at]) continue;
      const text = new TextDecoder().decode(frame.subarray(start, this.#end));
      this.position = JSON.parse(text).position;
      return;
    }
  }

  /** The position after the last message; empty if there was none. */
  get position(): string {
    this.onRead();
    if (this.#headBytes === 0) return this.#position;
    const head = new TextDecoder().decode(this.#head.subarray(HEAD.length, this.#headBytes));
    return head.slice(0, head.indexOf('"'));
  }

  set position(position: string) {
    this.#frame = undefined;
    this.#headBytes = 0;
    this.#position = position;
  }
}
