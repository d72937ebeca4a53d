/** How a message of the room begins in the encoding of Chorus. */
const HEAD = new TextEncoder().encode('{"type":"said","position":"');

const HEAD_VIEW = new DataView(HEAD.buffer);

/** Where the last four bytes of the head begin. */
const LAST_WORD = HEAD.length - 4;

/** More than a position has. */
const MAX_POSITION_BYTES = 100;

const QUOTE = '"'.charCodeAt(0);

const decoder = new TextDecoder();

/** Remembers the position of the last message, without the cost of reading each of them. */
export class LastSaid {
  #frame: Uint8Array = new Uint8Array();
  #view = new DataView(this.#frame.buffer);
  /** Where the position begins in the last frame of a read; -1 if there is none. */
  #positionAt = -1;
  #end = 0;
  readonly #bytes = new Uint8Array(MAX_POSITION_BYTES);
  /** How many of the bytes are the position; 0 if it is a text. */
  #byteCount = 0;
  #position = "";

  /**
   * Remembers a frame if it begins as a message of the room does in the encoding of Chorus. Most
   * frames do. Other servers may encode messages in another way.
   *
   * The bytes must be valid until {@linkcode onRead}.
   *
   * @returns Whether it begins so.
   */
  remember(bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start <= HEAD.length) return false;
    if (bytes !== this.#frame) {
      this.#frame = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    const view = this.#view;
    for (let at = 0; at < LAST_WORD; at += 4) {
      if (view.getInt32(start + at) !== HEAD_VIEW.getInt32(at)) return false;
    }
    if (view.getInt32(start + LAST_WORD) !== HEAD_VIEW.getInt32(LAST_WORD)) return false;
    this.#positionAt = start + HEAD.length;
    this.#end = end;
    return true;
  }

  /** Copies the position of the last frame of a read. If it has none, the one before stays. */
  onRead(): void {
    const at = this.#positionAt;
    if (at < 0) return;
    this.#positionAt = -1;
    const longest = this.#frame.subarray(at, Math.min(this.#end, at + MAX_POSITION_BYTES));
    const length = longest.indexOf(QUOTE);
    if (length <= 0) return;
    this.#bytes.set(longest.subarray(0, length));
    this.#byteCount = length;
  }

  /** The position after the last message; empty if there was none. */
  get position(): string {
    this.onRead();
    if (this.#byteCount === 0) return this.#position;
    return decoder.decode(this.#bytes.subarray(0, this.#byteCount));
  }

  set position(position: string) {
    this.#positionAt = -1;
    this.#byteCount = 0;
    this.#position = position;
  }
}
