import { type BucketSize, bucketSize, TokenBucket } from "../../chat/token_bucket.ts";
import { addressKey } from "./ip_address.ts";

/** The limits per address. Each field is the server's flag of the same name; 0 disables a limit. */
export interface AddressLimitsConfig {
  readonly maxConnectionsPerAddress: number;
  readonly handshakeRate: number;
  readonly publishRate: number;
  readonly rateBurstMs: number;
}

/**
 * What each client address may do: how many connections in the chat and how many pipes it may have,
 * and how many handshakes and HTTP publishes per second it may make, and wrong tokens it may send.
 * All IPv6 addresses with the same first 64 bits count as one, see {@linkcode addressKey}. Times
 * are in milliseconds.
 */
export class AddressLimits {
  /** The connections in the chat. */
  readonly connections: AddressCounts;
  /** The connections of the gateway that are passed on to `Deno.serve`. */
  readonly pipes: AddressCounts;
  readonly #handshakes: AddressBuckets | undefined;
  readonly #publishes: AddressBuckets | undefined;
  /** Apart from the handshakes: a client that connects often must be able to read. */
  readonly #wrongTokens: AddressBuckets | undefined;

  constructor(config: AddressLimitsConfig) {
    const { maxConnectionsPerAddress, handshakeRate, publishRate, rateBurstMs } = config;
    this.connections = new AddressCounts(maxConnectionsPerAddress);
    this.pipes = new AddressCounts(maxConnectionsPerAddress);
    const handshakes = bucketSize(handshakeRate, rateBurstMs, 1);
    const publishes = bucketSize(publishRate, rateBurstMs, 1);
    this.#handshakes = handshakes && new AddressBuckets(handshakes);
    this.#wrongTokens = handshakes && new AddressBuckets(handshakes);
    this.#publishes = publishes && new AddressBuckets(publishes);
  }

  /** Counts a handshake. Returns 0 if it is allowed, else the milliseconds until one is. */
  handshake(ip: string, nowMs: number): number {
    return this.#handshakes?.take(addressKey(ip), nowMs) ?? 0;
  }

  /** Counts an HTTP publish, as {@linkcode handshake} does. */
  publish(ip: string, nowMs: number): number {
    return this.#publishes?.take(addressKey(ip), nowMs) ?? 0;
  }

  /** Returns 0 if a token of this address may be verified, else the milliseconds until one may. */
  tokenWaitMs(ip: string, nowMs: number): number {
    return this.#wrongTokens?.waitMs(addressKey(ip), nowMs) ?? 0;
  }

  /** Counts a wrong token. Tokens that are verified at the same time may exceed the rate. */
  countWrongToken(ip: string, nowMs: number): void {
    this.#wrongTokens?.spend(addressKey(ip), nowMs);
  }
}

/** Counts the connections of each address that has some. */
export class AddressCounts {
  readonly #max: number;
  readonly #counts = new Map<string, number>();

  /** @param max The maximum for one address. 0 disables the limit, and then nothing is counted. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Whether an address has all connections that it may have. */
  isFull(ip: string): boolean {
    return this.#max > 0 && (this.#counts.get(addressKey(ip)) ?? 0) >= this.#max;
  }

  /** Counts a connection, until {@linkcode leave} is called for it. */
  enter(ip: string): void {
    if (this.#max === 0) return;
    const key = addressKey(ip);
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  leave(ip: string): void {
    if (this.#max === 0) return;
    const key = addressKey(ip);
    const count = this.#counts.get(key)! - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}

/** The maximum number of buckets in one generation. */
const MAX_BUCKETS = 65_536;

/**
 * The token buckets of addresses. A bucket that is full again is like a new one, so none is stored
 * for longer than it takes to fill.
 *
 * Buckets are in two generations. A bucket that is used moves to the young one. When that has been
 * young for the time that a bucket takes to fill, or has `maxBuckets`, it becomes the old one, and
 * the old one is dropped. So the memory is bounded, and no call takes long. If more than
 * `maxBuckets` addresses come within that time, some of them get a full bucket too early: a flood
 * of addresses must not lock others out.
 */
export class AddressBuckets {
  readonly #bucket: BucketSize;
  readonly #maxBuckets: number;
  readonly #fillMs: number;
  #young = new Map<string, TokenBucket>();
  #old = new Map<string, TokenBucket>();
  #youngSinceMs = -Infinity;

  constructor(bucket: BucketSize, maxBuckets = MAX_BUCKETS) {
    this.#bucket = bucket;
    this.#maxBuckets = maxBuckets;
    this.#fillMs = bucket.capacity / bucket.tokensPerSecond * 1000;
  }

  /** The number of buckets in memory. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  /** Takes a token. Returns 0, or the milliseconds until there is one. */
  take(key: string, nowMs: number): number {
    const bucket = this.#bucketOf(key, nowMs);
    return bucket.take(1, nowMs) ? 0 : bucket.waitMs(1, nowMs);
  }

  /** Takes a token, even if there is none: that is a debt. */
  spend(key: string, nowMs: number): void {
    this.#bucketOf(key, nowMs).spend(1, nowMs);
  }

  /** Returns 0 if there is a token, or the milliseconds until there is one. Takes none. */
  waitMs(key: string, nowMs: number): number {
    const bucket = this.#young.get(key) ?? this.#old.get(key);
    return bucket?.waitMs(1, nowMs) ?? 0;
  }

  #bucketOf(key: string, nowMs: number): TokenBucket {
    const isOver = nowMs - this.#youngSinceMs >= this.#fillMs;
    if (isOver || this.#young.size >= this.#maxBuckets) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngSinceMs = nowMs;
    }
    const young = this.#young.get(key);
    if (young) return young;
    const bucket = this.#old.get(key) ?? new TokenBucket(this.#bucket, nowMs);
    this.#old.delete(key);
    this.#young.set(key, bucket);
    return bucket;
  }
}
