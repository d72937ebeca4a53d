import type { ChatCounters } from "../counters.ts";
import { type BucketSize, bucketSize, TokenBucket } from "../token_bucket.ts";

/** What happens to a member that exceeds a rate: it is not read from for a moment, or closed. */
export type RatePolicy = "pace" | "close";

/** The rates of each member. Each field is the server's flag of the same name. */
export interface RateConfig {
  /** Messages per second; 0 disables the limit. */
  readonly messageRate: number;
  /** Bytes of messages per second; 0 disables the limit. */
  readonly byteRate: number;
  readonly rateBurstMs: number;
  readonly ratePolicy: RatePolicy;
  readonly maxMessageBytes: number;
}

/** What the limits of all members share. */
export interface RateRules {
  /** Undefined if there is no limit. The same goes for `bytes`. */
  readonly messages: BucketSize | undefined;
  readonly bytes: BucketSize | undefined;
  readonly policy: RatePolicy;
  readonly hits: ChatCounters["limits"];
  /** Reads the time in milliseconds. */
  readonly now: () => number;
}

/** Returns the rules; undefined if there is no limit. The longest message fits in a full bucket. */
export function rateRules(
  config: RateConfig,
  parts: Pick<RateRules, "hits" | "now">,
): RateRules | undefined {
  const { messageRate, byteRate, rateBurstMs, ratePolicy, maxMessageBytes } = config;
  const messages = bucketSize(messageRate, rateBurstMs, 1);
  const bytes = bucketSize(byteRate, rateBurstMs, maxMessageBytes);
  return messages || bytes ? { messages, bytes, policy: ratePolicy, ...parts } : undefined;
}

/** What one member may send at the moment: messages, and bytes of messages. */
export class RateLimit {
  readonly #rules: RateRules;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;

  constructor(rules: RateRules) {
    const { messages, bytes } = rules;
    const nowMs = rules.now();
    this.#rules = rules;
    this.#messages = messages && new TokenBucket(messages, nowMs);
    this.#bytes = bytes && new TokenBucket(bytes, nowMs);
  }

  /**
   * Counts a message.
   *
   * @returns Whether the member must be closed for it. With `pace`, the message is not refused, as
   * it has been read already; see {@linkcode pauseMs}.
   */
  refuses(byteLength: number): boolean {
    const { policy, now } = this.#rules;
    const nowMs = now();
    this.#messages?.spend(1, nowMs);
    this.#bytes?.spend(byteLength, nowMs);
    return policy === "close" && this.#isExceeded();
  }

  /**
   * Returns how long the member must not be read from, so that it keeps its rates on average; 0 if
   * it may be read from.
   */
  pauseMs(): number {
    const { policy, now } = this.#rules;
    if (policy !== "pace" || !this.#isExceeded()) return 0;
    const nowMs = now();
    const waitMs = (bucket: TokenBucket | undefined) => bucket?.waitMs(0, nowMs) ?? 0;
    return Math.ceil(Math.max(waitMs(this.#messages), waitMs(this.#bytes)));
  }

  #isExceeded(): boolean {
    const { hits } = this.#rules;
    if (this.#messages?.isOverdrawn) hits.messages++;
    else if (this.#bytes?.isOverdrawn) hits.bytes++;
    else return false;
    return true;
  }
}
