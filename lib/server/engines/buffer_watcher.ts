/** How often to check full buffers: Deno has no event for a buffer that has drained. */
const POLL_MS = 10;

type Socket = Pick<WebSocket, "readyState" | "bufferedAmount">;

interface WatchedSocket {
  readonly socket: Socket;
  readonly resolve: (outcome: "drained" | "stalled") => void;
  bufferedAmount: number;
  /** When `bufferedAmount` last changed. */
  sinceMs: number;
}

/** Watches the send buffers of WebSockets, with one timer for all of them. */
export class BufferWatcher {
  readonly #watermarkBytes: number;
  readonly #stallTimeoutMs: number;
  readonly #watched = new Set<WatchedSocket>();
  #timer: ReturnType<typeof setInterval> | undefined;

  /**
   * @param watermarkBytes A buffer with more bytes than this is full.
   * @param stallTimeoutMs How long a full buffer may stay unchanged; 0 disables the limit.
   */
  constructor(watermarkBytes: number, stallTimeoutMs: number) {
    this.#watermarkBytes = watermarkBytes;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /** Whether the buffer is full. It is not if the socket has closed. */
  isFull({ readyState, bufferedAmount }: Socket): boolean {
    return readyState === WebSocket.OPEN && bufferedAmount > this.#watermarkBytes;
  }

  /** Resolves when the buffer is not full, or has stalled. */
  whenDrained(socket: Socket): Promise<"drained" | "stalled"> {
    if (!this.isFull(socket)) return Promise.resolve("drained");
    const { promise, resolve } = Promise.withResolvers<"drained" | "stalled">();
    const { bufferedAmount } = socket;
    this.#watched.add({ socket, resolve, bufferedAmount, sinceMs: performance.now() });
    this.#timer ??= setInterval(() => this.#poll(), POLL_MS);
    return promise;
  }

  #poll(): void {
    const nowMs = performance.now();
    for (const watched of this.#watched) {
      const { bufferedAmount } = watched.socket;
      if (bufferedAmount !== watched.bufferedAmount) {
        watched.bufferedAmount = bufferedAmount;
        watched.sinceMs = nowMs;
      }
      const isFull = this.isFull(watched.socket);
      const isStalled = this.#stallTimeoutMs > 0 &&
        nowMs - watched.sinceMs >= this.#stallTimeoutMs;
      if (isFull && !isStalled) continue;
      this.#watched.delete(watched);
      watched.resolve(isFull ? "stalled" : "drained");
    }
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
