import type { Transport } from "../../../websocket/transport/transport.ts";

/**
 * How often paused connections are checked. A connection that reads at most this much too late
 * makes up for it.
 */
const TICK_MS = 50;

/** A connection that reads slowly. */
interface SlowReader {
  readonly transport: Transport;
  /** When it may read again. */
  readFromMs: number;
}

/**
 * Limits how many bytes per second each of many connections reads, with one timer for all of them.
 *
 * A connection reads what has arrived, up to 64 KiB, and then pauses for as long as these bytes
 * take at its rate. Meanwhile TCP slows the peer down.
 */
export class ReadThrottle implements Disposable {
  readonly #bytesPerSecond: number;
  readonly #clock: { readonly nowMs: number };
  readonly #paused = new Set<SlowReader>();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(bytesPerSecond: number, clock: { readonly nowMs: number }) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#clock = clock;
    this.#timer = setInterval(() => this.resumeDue(), TICK_MS);
  }

  /**
   * Begins to limit a connection. Its transport has its last listener already.
   *
   * @returns A function that ends the limit. Then the connection reads without pauses.
   */
  add(transport: Transport): () => void {
    const { listener } = transport;
    const reader: SlowReader = { transport, readFromMs: -Infinity };
    transport.listener = {
      onData: (bytes) => {
        const nowMs = this.#clock.nowMs;
        reader.readFromMs = nextReadMs(
          reader.readFromMs,
          nowMs,
          bytes.length,
          this.#bytesPerSecond,
        );
        if (reader.readFromMs > nowMs) {
          this.#paused.add(reader);
          transport.pause();
        }
        listener.onData(bytes);
      },
      onWritten: () => listener.onWritten(),
      onEnd: () => listener.onEnd(),
      onGone: (error) => {
        this.#paused.delete(reader);
        listener.onGone(error);
      },
    };
    return () => {
      transport.listener = listener;
      this.#paused.delete(reader);
      transport.resume();
    };
  }

  /** Resumes the connections that may read again. A timer calls it. */
  resumeDue(): void {
    const nowMs = this.#clock.nowMs;
    for (const reader of this.#paused) {
      if (reader.readFromMs > nowMs) continue;
      this.#paused.delete(reader);
      reader.transport.resume();
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/**
 * When a connection that has just read may read again.
 *
 * @param dueMs When the read was due.
 */
export function nextReadMs(
  dueMs: number,
  nowMs: number,
  bytes: number,
  bytesPerSecond: number,
): number {
  return Math.max(dueMs, nowMs - TICK_MS) + bytes * 1000 / bytesPerSecond;
}
