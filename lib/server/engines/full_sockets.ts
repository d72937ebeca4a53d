/** How often full sockets are looked at: Deno does not tell when one has emptied. */
const POLL_MS = 10;

interface FullSocket {
  readonly socket: Pick<WebSocket, "readyState" | "bufferedAmount">;
  readonly resolve: (closeStatus: "emptier" | "stalled") => void;
  bufferedAmount: number;
  sinceMs: number;
}

/** The sockets that take no more for now, watched with one timer for all while there are any. */
export class FullSockets {
  readonly #watermarkBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #full = new Set<FullSocket>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param stallTimeoutMs How long a socket may make no progress at all; 0 is for ever. */
  constructor(watermarkBytes: number, stallTimeoutMs: number) {
    this.#watermarkBytes = watermarkBytes;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /** Whether no more than the watermark waits in a socket, or it has ended. */
  isEmptier({ readyState, bufferedAmount }: FullSocket["socket"]): boolean {
    return readyState !== WebSocket.OPEN || bufferedAmount <= this.#watermarkBytes;
  }

  /** Resolves when no more than the watermark waits in the socket, or it has ended, or makes no progress. */
  whenEmptier(socket: FullSocket["socket"]): Promise<"emptier" | "stalled"> {
    if (this.isEmptier(socket)) return Promise.resolve("emptier");
    const { promise, resolve } = Promise.withResolvers<"emptier" | "stalled">();
    const { bufferedAmount } = socket;
    this.#full.add({ socket, resolve, bufferedAmount, sinceMs: performance.now() });
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS);
    return promise;
  }

  #poll(): void {
    const nowMs = performance.now();
    for (const full of this.#full) {
      const { bufferedAmount } = full.socket;
      const isEmptier = this.isEmptier(full.socket);
      if (bufferedAmount !== full.bufferedAmount) {
        full.bufferedAmount = bufferedAmount;
        full.sinceMs = nowMs;
      }
      const isStalled = this.#stallTimeoutMs > 0 && nowMs - full.sinceMs >= this.#stallTimeoutMs;
      if (!isEmptier && !isStalled) continue;
      this.#full.delete(full);
      full.resolve(isEmptier ? "emptier" : "stalled");
    }
    if (this.#full.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
