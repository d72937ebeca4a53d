import { Histogram, TIME_BOUNDS } from "./histogram.ts";

/** How many batches there are for each one that is timed: reading a clock costs 0.1 µs. */
const BATCHES_PER_SAMPLE = 17;

/** The limits whose hits are counted. */
export const LIMITS = [
  "connections",
  "waiting_connections",
  "http_connections",
  "open_files",
  "connections_per_address",
  "handshakes_per_address",
  "publishes_per_address",
  "wrong_tokens_per_address",
  "messages",
  "bytes",
  "message_size",
  "head_size",
  "token_size",
  "handshake_time",
  "request_time",
  "rooms",
  "room_members",
  "memory",
] as const;

/** A limit whose hits are counted. */
export type Limit = typeof LIMITS[number];

/**
 * How clients take part, as metrics and administrators see it: WebSockets in plain text and in
 * `chorus.v1`, and server-sent events.
 */
export type ClientFormat = "plain" | "chorus.v1" | "events";

/**
 * What a chat has done since it started. The code that does it adds to these fields. They can be
 * read at any time.
 */
export class ChatCounters {
  /** The number of members by format. */
  readonly members: Record<ClientFormat, number> = { plain: 0, "chorus.v1": 0, events: 0 };
  /** The number of messages published over WebSockets. */
  webSocketMessages = 0;
  /** The number of messages published over HTTP. */
  httpMessages = 0;
  /**
   * The number of deliveries that the messages asked for: for each message, the number of other
   * members in its room when it was published. With `--echo` the sender counts as well.
   */
  deliveries = 0;
  /** The bytes of the published messages, without frames, names, and JSON. */
  receivedBytes = 0;
  /**
   * The bytes of the frames passed to connections: messages, replays, acks, and so on, but no pings
   * and close frames. An event stream counts as if it received frames.
   */
  sentBytes = 0;
  /**
   * How many readers were closed because they fell out of the log, how many times one has skipped
   * messages and stayed, and how many were dropped because they read nothing at all.
   */
  readonly slowReaders = { closed: 0, skipped: 0, stalled: 0 };
  /** The number of joins with a position: all messages since then are served, or some are gone. */
  readonly resumes = { recovered: 0, gap: 0 };
  /** How often clients ran into each limit. */
  readonly limits: Record<Limit, number> = Object.fromEntries(
    LIMITS.map((limit) => [limit, 0]),
  ) as Record<Limit, number>;
  /** The number of transactions that the durable history has committed. */
  commits = 0;
  /** The number of commits that failed, and of those that took too long. */
  readonly commitFailures = { failed: 0, stalled: 0 };
  /** How long commits took, in seconds. */
  readonly commitSeconds = new Histogram(TIME_BOUNDS);
  /** How long sweeps took, in seconds; see {@linkcode isBatchTimed}. */
  readonly sweepSeconds = new Histogram(TIME_BOUNDS);
  /** How many new messages sweeps delivered to each reader; see {@linkcode isBatchTimed}. */
  readonly batchMessages = new Histogram([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096]);
  /**
   * The time from the first message of a sweep to the end of the sweep, in seconds; see
   * {@linkcode isBatchTimed}.
   */
  readonly publishSeconds = new Histogram(TIME_BOUNDS);
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs: () => number;
  #batchesToSample = 1;

  constructor(monotonicMs: () => number) {
    this.monotonicMs = monotonicMs;
  }

  /**
   * Whether to time the batch of messages that begins now: the first one, and every 17th after it.
   * The number is prime, so that rooms that publish in turn are all timed.
   */
  isBatchTimed(): boolean {
    if (--this.#batchesToSample > 0) return false;
    this.#batchesToSample = BATCHES_PER_SAMPLE;
    return true;
  }
}
