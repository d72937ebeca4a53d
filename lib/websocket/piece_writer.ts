import type { Transport } from "./transport.ts";

/** The most that is written at a time, so that a slow reader can be told from one that has stopped. */
const MAX_PIECE_BYTES = 64 * 1024;

/** Writes bytes to a transport piece by piece, one lot at a time. */
export class PieceWriter {
  readonly #transport: Transport;
  readonly #clock: { readonly nowMs: number };
  readonly #onWritten: () => void;
  readonly #onPieceWritten = () => this.#goOn();
  #bytes: Uint8Array | undefined;
  #writtenBytes = 0;
  /** Since when a write has made no progress; undefined if none is under way. */
  sinceMs: number | undefined;

  /** @param onWritten Called when all of a lot has gone out, if that is later. */
  constructor(transport: Transport, clock: { readonly nowMs: number }, onWritten: () => void) {
    this.#transport = transport;
    this.#clock = clock;
    this.#onWritten = onWritten;
  }

  /** Writes a lot. @returns Whether all of it has gone out within this call. */
  write(bytes: Uint8Array): boolean {
    this.#bytes = bytes;
    this.#writtenBytes = 0;
    return this.#writePieces(bytes);
  }

  #writePieces(bytes: Uint8Array): boolean {
    const { length } = bytes;
    while (this.#writtenBytes < length) {
      const start = this.#writtenBytes;
      this.#writtenBytes = Math.min(length, start + MAX_PIECE_BYTES);
      const piece = length <= MAX_PIECE_BYTES ? bytes : bytes.subarray(start, this.#writtenBytes);
      this.sinceMs = this.#clock.nowMs;
      if (!this.#transport.write(piece, this.#onPieceWritten)) return false;
    }
    this.#bytes = undefined;
    this.sinceMs = undefined;
    return true;
  }

  #goOn(): void {
    if (this.#bytes && this.#writePieces(this.#bytes)) this.#onWritten();
  }
}
