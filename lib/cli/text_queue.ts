/** How long to wait before a write that failed is tried again. */
const RETRY_MS = 100;

/**
 * The maximum size of a write. The system writes that much to a pipe at once or not at all
 * (`PIPE_BUF`). After an error in the middle of a write, Deno does not tell how much it wrote.
 */
const MAX_WRITE_BYTES = 4096;

const NEWLINE = 0x0a;

const encoder = new TextEncoder();

/** A stream such as `Deno.stdout`. Its asynchronous writes do not block the program. */
export interface TextTarget {
  write(bytes: Uint8Array): Promise<number>;
}

/** The bound of a {@linkcode TextQueue}, and what it reports. */
export interface TextQueueOptions {
  /**
   * The maximum length of the waiting texts, in UTF-16 code units. A write under way has taken the
   * texts that waited before, so twice as many may be in memory.
   */
  readonly maxLength: number;
  /** Called when the stream accepts texts again, with the number of texts dropped meanwhile. */
  readonly onDropped: (count: number) => void;
  /** Called with the first error of an outage. The queue tries again until a write succeeds. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Writes texts to a stream in order, without ever blocking the program. If the stream is not read,
 * texts wait up to a bound. Further texts are dropped and counted. A text that `onDropped` pushes
 * is written in their place.
 */
export class TextQueue {
  /** The number of texts dropped so far. */
  droppedCount = 0;
  readonly #target: TextTarget;
  readonly #options: TextQueueOptions;
  #waiting = "";
  /** The number of texts dropped since the last gap was reported. */
  #unreportedCount = 0;
  #isFailing = false;
  /** Pending while texts are being written. */
  #writing: Promise<void> | undefined;

  constructor(target: TextTarget, options: TextQueueOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Writes a text, after those pushed before. */
  push(text: string): void {
    const isFull = this.#waiting !== "" &&
      this.#waiting.length + text.length > this.#options.maxLength;
    // Once a text has been dropped, shorter ones are dropped too, so that there is one gap.
    if (isFull || this.#unreportedCount > 0) {
      this.#unreportedCount++;
      this.droppedCount++;
      return;
    }
    this.#waiting += text;
    this.#writing ??= this.#writeAll();
  }

  /** Waits until all texts are written, but no longer than this. */
  async flush(timeoutMs: number): Promise<void> {
    if (!this.#writing) return;
    const timeout = Promise.withResolvers<void>();
    const timer = setTimeout(timeout.resolve, timeoutMs);
    await Promise.race([this.#writing, timeout.promise]);
    clearTimeout(timer);
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting !== "") {
      const bytes = encoder.encode(this.#waiting);
      const droppedCount = this.#unreportedCount;
      this.#waiting = "";
      this.#unreportedCount = 0;
      if (droppedCount > 0) this.#options.onDropped(droppedCount);
      await this.#write(bytes);
    }
    this.#writing = undefined;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      try {
        at += await this.#target.write(nextPiece(bytes, at));
        this.#isFailing = false;
      } catch (error) {
        // A pipe in non-blocking mode that is full has not failed.
        if (!(error instanceof Deno.errors.WouldBlock)) {
          if (!this.#isFailing) this.#options.onFailed(error);
          this.#isFailing = true;
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

/** Returns the bytes to write next: whole lines if possible. */
function nextPiece(bytes: Uint8Array, at: number): Uint8Array {
  const piece = bytes.subarray(at, at + MAX_WRITE_BYTES);
  const end = piece.lastIndexOf(NEWLINE) + 1;
  return end > 0 ? piece.subarray(0, end) : piece;
}
