/** How often the memory is read. It takes about 20 µs. */
const CHECK_INTERVAL_MS = 250;

/** Once over the limit, the server takes new work again when this part of what it used is free. */
const FREE_PART = 1 / 16;

/** A process that is over the limit, and grows by this part of it, is over it again. */
const GROWTH_PART = 1 / 16;

/** The part of `--memory-limit` that the logs may use. */
const LOG_PART = 1 / 2;

/** The memory of the process, in bytes. */
export type MemoryUsage = Pick<Deno.MemoryUsage, "rss" | "heapUsed" | "external">;

/** What a {@linkcode MemoryLimit} needs besides the limit. */
export interface MemoryLimitOptions {
  readonly read: () => MemoryUsage;
  /** Called when the limit is exceeded, and when it no longer is. */
  readonly onChange: (isExceeded: boolean) => void;
}

/**
 * Watches `--memory-limit`.
 *
 * ```text
 * below ──the process has grown, to the limit or beyond──▶ exceeded ──a part is free──▶ below
 * ```
 *
 * A process hardly ever gives memory back to the system, even if most of it is free. But it fills
 * free memory before it grows. So the limit is exceeded while the process is at the limit and uses
 * as much as it did when it grew to its size. V8 counts what is used; other parts of the process,
 * such as buffers of sockets, are freed with the objects that V8 counts.
 */
export class MemoryLimit implements Disposable {
  readonly #limitBytes: number;
  readonly #options: MemoryLimitOptions;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The size of the process, and what it used, when it had grown to the limit or beyond. */
  #full: { readonly rss: number; readonly usedBytes: number } | undefined;
  #isExceeded = false;

  /** @param limitBytes 0 disables the limit. */
  constructor(limitBytes: number, options: MemoryLimitOptions) {
    this.#limitBytes = limitBytes;
    this.#options = options;
  }

  /** Whether the server must refuse new work. */
  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  /** Starts to watch. */
  start(): void {
    if (this.#limitBytes > 0) this.#timer = setInterval(() => this.check(), CHECK_INTERVAL_MS);
  }

  /** Reads the memory once. */
  check(): void {
    const { rss, heapUsed, external } = this.#options.read();
    const usedBytes = heapUsed + external;
    const wasExceeded = this.#isExceeded;
    if (rss < this.#limitBytes) this.#full = undefined;
    else if (!this.#full || rss >= this.#full.rss + GROWTH_PART * this.#limitBytes) {
      this.#full = { rss, usedBytes };
    }
    const part = wasExceeded ? 1 - FREE_PART : 1;
    this.#isExceeded = this.#full !== undefined && usedBytes >= part * this.#full.usedBytes;
    if (this.#isExceeded !== wasExceeded) this.#options.onChange(this.#isExceeded);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** The bound of the logs: `--max-log-bytes`, or half of `--memory-limit` if that is less. */
export function logLimitBytes(
  { maxLogBytes, memoryLimit }: {
    readonly maxLogBytes: number;
    readonly memoryLimit: number;
  },
): number {
  return memoryLimit === 0 ? maxLogBytes : Math.min(maxLogBytes, LOG_PART * memoryLimit);
}
