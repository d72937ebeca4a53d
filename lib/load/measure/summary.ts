/** The reason of a connection that was given up, because the server answered no ping. */
export const NO_ANSWER = "the server stopped answering";

/** How a connection ended. Without a close frame of the server, the code is 1006. */
interface CloseStatus {
  readonly code: number;
  readonly reason: string;
}

/** What happened to the connections, and how many messages they carried. */
export interface SummaryCounts {
  /** First handshakes that succeeded. */
  readonly opened: number;
  /** Messages that all users together sent and received. */
  readonly sent: number;
  readonly received: number;
  /** Lost connections that were opened again. */
  readonly reconnected: number;
  /** First handshakes that failed, by cause. */
  readonly failures: ReadonlyMap<string, number>;
  /**
   * Lost connections, by cause. A connection is lost if it ends before the run does, or if the
   * server does not answer its close frame.
   */
  readonly losses: ReadonlyMap<string, number>;
  /** Connections that ended, by close code. */
  readonly closeCodes: ReadonlyMap<number, number>;
}

/** Counts the events of connections and messages during a run. */
export class Summary implements SummaryCounts {
  opened = 0;
  sent = 0;
  received = 0;
  reconnected = 0;
  readonly failures = new Map<string, number>();
  readonly losses = new Map<string, number>();
  readonly closeCodes = new Map<number, number>();

  addFailure({ cause }: { readonly cause: string }): void {
    increment(this.failures, cause);
  }

  /** Adds a connection that ended before the run did. */
  addLoss({ code, reason }: CloseStatus): void {
    increment(this.closeCodes, code);
    increment(this.losses, code === 1006 ? reason || "no close frame" : `closed with ${code}`);
  }

  /** Adds a connection that its user closed. It is lost if the server did not answer. */
  addLeave(status: CloseStatus): void {
    if (status.code === 1006) this.addLoss(status);
    else increment(this.closeCodes, status.code);
  }

  /** Adds the counts of another summary. */
  add(counts: SummaryCounts): void {
    for (const key of ["opened", "sent", "received", "reconnected"] as const) {
      this[key] += counts[key];
    }
    for (const [cause, count] of counts.failures) increment(this.failures, cause, count);
    for (const [cause, count] of counts.losses) increment(this.losses, cause, count);
    for (const [code, count] of counts.closeCodes) increment(this.closeCodes, code, count);
  }

  /** How many first handshakes failed. */
  get failed(): number {
    return sum(this.failures);
  }

  /** How many connections were lost. */
  get lost(): number {
    return sum(this.losses);
  }

  /** How many users lost their connection and have not reconnected. */
  get disconnected(): number {
    return this.lost - this.reconnected;
  }

  /**
   * Whether `count` users connected, none of them is disconnected, and the server always answered.
   * A server that closes connections may be restarting, but one that is silent is at fault, even if
   * its users reconnect later.
   */
  isClean(count: number): boolean {
    return this.opened === count && this.disconnected === 0 && !this.losses.has(NO_ANSWER);
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  return counts.values().reduce((sum, count) => sum + count, 0);
}

/** Adds to the count of a key. */
export function increment<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
