/** Publishers that wait for acks. */
export interface AckLoad {
  readonly name: string;
  readonly publishers: number;
  /** Publisher `i` is in room `i % rooms`. */
  readonly rooms: number;
  /** How many messages of a publisher may be without their ack. */
  readonly window: number;
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
