/** How often it looks. */
const LOOK_INTERVAL_MS = 20;

/** Measures how late the event loop runs what is due: what it is busy with meanwhile delays every message too. */
export class EventLoopLag implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param record Takes by how many microseconds the event loop was late. */
  constructor(record: (us: number) => void) {
    let dueMs = performance.now() + LOOK_INTERVAL_MS;
    this.#timer = setInterval(() => {
      const nowMs = performance.now();
      // All the looks that it has missed meanwhile would have been late too.
      for (let lateMs = nowMs - dueMs; lateMs > -LOOK_INTERVAL_MS; lateMs -= LOOK_INTERVAL_MS) {
        record(Math.max(0, lateMs) * 1000);
      }
      dueMs = nowMs + LOOK_INTERVAL_MS;
    }, LOOK_INTERVAL_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
