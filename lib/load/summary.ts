import type { Close } from "./connect.ts";
import type { ConnectFailure } from "./connect_failure.ts";

/** What happened in a run, counted as it happens. */
export class Summary {
  /** First handshakes that succeeded. */
  opened = 0;
  /** Messages sent and received by all users together. */
  sent = 0;
  received = 0;
  /** Connections that ended before the run did. */
  lost = 0;
  /** Lost connections that were opened again. */
  cameBack = 0;
  /** First handshakes that failed, by cause. */
  readonly failures = new Map<string, number>();
  /** How connections ended, by close code. */
  readonly closeCodes = new Map<number, number>();

  addFailure({ cause }: ConnectFailure): void {
    increment(this.failures, cause);
  }

  addClose({ code }: Close): void {
    increment(this.closeCodes, code);
  }

  /** How many first handshakes failed. */
  get failed(): number {
    return this.failures.values().reduce((sum, count) => sum + count, 0);
  }

  /** How many users have lost their connection and not come back. */
  get away(): number {
    return this.lost - this.cameBack;
  }

  /** Whether all went well for this many users: everybody came in, and nobody is away. */
  isClean(count: number): boolean {
    return this.opened === count && this.away === 0;
  }
}

function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
