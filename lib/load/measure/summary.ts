import type { CloseStatus } from "../../websocket/close_frame.ts";
import type { ConnectFailure } from "../users/connect_failure.ts";

/** What happened to the connections of a run, and how much they said. */
export interface SummaryCounts {
  readonly opened: number;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly cameBack: number;
  readonly failures: ReadonlyMap<string, number>;
  readonly closeCodes: ReadonlyMap<number, number>;
}

/** What happened in a run, counted as it happens. */
export class Summary implements SummaryCounts {
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

  addClose({ code }: CloseStatus): void {
    increment(this.closeCodes, code);
  }

  /** Adds what another has counted. */
  add(counts: SummaryCounts): void {
    for (const key of ["opened", "sent", "received", "lost", "cameBack"] as const) {
      this[key] += counts[key];
    }
    for (const [cause, count] of counts.failures) increment(this.failures, cause, count);
    for (const [code, count] of counts.closeCodes) increment(this.closeCodes, code, count);
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

/** Counts under a key. */
export function increment<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
