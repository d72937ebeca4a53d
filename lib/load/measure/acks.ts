import { increment } from "./summary.ts";

/** What the server answered to the messages of a run. */
export interface AckCounts {
  /** Messages that the server has committed. */
  readonly acked: number;
  /** Messages that the server refused. They are not expected to arrive. */
  readonly refused: number;
  /** Messages without an answer that tells whether they were published. They are expected. */
  readonly unanswered: number;
  /** Acks for messages that were not sent, or that had their answer. */
  readonly unknown: number;
  /** Errors by code: why messages were refused or not answered, and errors of other kinds. */
  readonly errors: ReadonlyMap<string, number>;
  /** Gaps that the server reported, by reason, and how many messages it missed out. */
  readonly gaps: ReadonlyMap<string, GapCounts>;
  /** The epochs of the positions in acks. */
  readonly epochs: ReadonlySet<string>;
}

/** Gaps of one reason. */
export interface GapCounts {
  readonly count: number;
  /** How many messages are missing, as far as the server knows. */
  readonly missed: number;
}

/** Counts of nothing. */
export const NO_ACKS: AckCounts = {
  acked: 0,
  refused: 0,
  unanswered: 0,
  unknown: 0,
  errors: new Map(),
  gaps: new Map(),
  epochs: new Set(),
};

/** Adds counts of several workers, or of several ways to get answers. */
export function sumAcks(all: readonly AckCounts[]): AckCounts {
  const errors = new Map<string, number>();
  const gaps = new Map<string, GapCounts>();
  for (const each of all) {
    each.errors.forEach((count, code) => increment(errors, code, count));
    each.gaps.forEach((counts, reason) => addGaps(gaps, reason, counts));
  }
  const sum = (key: "acked" | "refused" | "unanswered" | "unknown") =>
    all.reduce((sum, each) => sum + each[key], 0);
  return {
    acked: sum("acked"),
    refused: sum("refused"),
    unanswered: sum("unanswered"),
    unknown: sum("unknown"),
    errors,
    gaps,
    epochs: new Set(all.flatMap(({ epochs }) => [...epochs])),
  };
}

/** Adds gaps of one reason to those of others. */
export function addGaps(
  to: Map<string, GapCounts>,
  reason: string,
  { count, missed }: GapCounts,
): void {
  const before = to.get(reason) ?? { count: 0, missed: 0 };
  to.set(reason, { count: before.count + count, missed: before.missed + missed });
}
