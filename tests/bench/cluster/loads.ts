/** Publishers that wait for acks. */
export interface AckLoad {
  readonly name: string;
  readonly publishers: number;
  /** Publisher `i` is in room `i % rooms`. */
  readonly rooms: number;
  /** How many messages of a publisher may be without their ack. */
  readonly window: number;
  /** The port to which each room has a reader, if any, in plain text. */
  readonly readerPort?: number;
  /** The characters of a text. */
  readonly size: number;
  readonly durationMs: number;
}

/** What publishers have seen. */
export interface AckResult {
  readonly acksPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Errors of the server, and acks that nobody waits for. */
  readonly errors: number;
  /** In cores, of each process. */
  readonly cpuOfEach: readonly number[];
  readonly driverCpu: number;
}

/** How long a replay took from the connect on, in milliseconds. */
export interface ReplayTimes {
  readonly firstMs: number;
  readonly lastMs: number;
}

/** How long it took until many members had joined, and until the other nodes knew all of them. */
export interface StormTimes {
  readonly joinedMs: number;
  readonly seenMs: number;
  /** The characters of all that a watcher was sent. */
  readonly eventBytes: number;
}
