/** What happened to the connections, and how many messages they carried. */
export interface SummaryCounts {
  /** First handshakes that succeeded. */
  readonly opened: number;
  /** Messages that all users together sent and received. */
  readonly sent: number;
  readonly received: number;
  /** Connections that ended before the run did. */
  readonly lost: number;
  /** Lost connections that were opened again. */
  readonly reconnected: number;
  /** First handshakes that failed, by cause. */
  readonly failures: ReadonlyMap<string, number>;
  /** Connections that ended, by close code. */
  readonly closeCodes: ReadonlyMap<number, number>;
}

/** Counts the events of connections and messages during a run. */
export class Summary implements SummaryCounts {
  opened = 0;
  sent = 0;
  received = 0;
  lost = 0;
  reconnected = 0;
  readonly failures = new Map<string, number>();
  readonly closeCodes = new Map<number, number>();

  addFailure({ cause }: { readonly cause: string }): void {
    increment(this.failures, cause);
  }

  addClose({ code }: { readonly code: number }): void {
    increment(this.closeCodes, code);
  }

  /** Adds the counts of another summary. */
  add(counts: SummaryCounts): void {
    for (const key of ["opened", "sent", "received", "lost", "reconnected"] as const) {
      this[key] += counts[key];
    }
    for (const [cause, count] of counts.failures) increment(this.failures, cause, count);
    for (const [code, count] of counts.closeCodes) increment(this.closeCodes, code, count);
  }

  /** How many first handshakes failed. */
  get failed(): number {
    return this.failures.values().reduce((sum, count) => sum + count, 0);
  }

  /** How many users lost their connection and have not reconnected. */
  get disconnected(): number {
    return this.lost - this.reconnected;
  }

  /** Whether `count` users connected, and none of them is disconnected. */
  isClean(count: number): boolean {
    return this.opened === count && this.disconnected === 0;
  }
}

/** Adds to the count of a key. */
export function increment<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
