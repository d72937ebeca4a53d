/** How fast a {@linkcode TokenBucket} fills, and how much it holds. */
export interface BucketSize {
  readonly tokensPerSecond: number;
  readonly capacity: number;
}

/**
 * Returns the bucket of a rate.
 *
 * @param burstMs The time whose unused rate may be used at once.
 * @param minCapacity What must fit in at once, even if the rate is low.
 * @returns Undefined if the rate is 0: there is no limit.
 */
export function bucketSize(
  tokensPerSecond: number,
  burstMs: number,
  minCapacity: number,
): BucketSize | undefined {
  if (tokensPerSecond === 0) return undefined;
  return {
    tokensPerSecond,
    capacity: Math.max(minCapacity, tokensPerSecond * burstMs / 1000),
  };
}

/**
 * Limits a rate, and allows bursts: the bucket starts full, fills at the rate, and what is done
 * takes tokens from it. It has no timers: the caller passes the time, in milliseconds. If the time
 * jumps back, nothing is refilled for the jump.
 */
export class TokenBucket {
  readonly #size: BucketSize;
  #tokens: number;
  #atMs: number;

  constructor(size: BucketSize, nowMs: number) {
    this.#size = size;
    this.#tokens = size.capacity;
    this.#atMs = nowMs;
  }

  /** Whether more was spent than there was. */
  get isOverdrawn(): boolean {
    return this.#tokens < 0;
  }

  /** Takes tokens, if there are enough. */
  take(count: number, nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < count) return false;
    this.#tokens -= count;
    return true;
  }

  /** Takes tokens, even if there are not enough: the rest is a debt that the rate pays off. */
  spend(count: number, nowMs: number): void {
    this.#fill(nowMs);
    this.#tokens -= count;
  }

  /** Returns the time until there are this many tokens; 0 if there are. */
  waitMs(count: number, nowMs: number): number {
    this.#fill(nowMs);
    return Math.max(0, (count - this.#tokens) / this.#size.tokensPerSecond * 1000);
  }

  #fill(nowMs: number): void {
    // The messages of a turn have one time.
    if (nowMs === this.#atMs) return;
    const { tokensPerSecond, capacity } = this.#size;
    const elapsedMs = nowMs - this.#atMs;
    this.#atMs = nowMs;
    if (elapsedMs < 0) return;
    this.#tokens = Math.min(capacity, this.#tokens + elapsedMs / 1000 * tokensPerSecond);
  }
}
