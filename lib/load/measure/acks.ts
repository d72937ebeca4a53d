import { increment } from "./summary.ts";

/** What the server answered to the messages of a run. */
export interface AckCounts {
  /** Messages that the server has committed. */
  readonly acked: number;
  /** Messages that the server refused. They are not expected to arrive. */
  readonly refused: number;
  /** Messages without an answer that tells whether they were published. They are expected. */
  readonly unanswered: number;
  /** Why messages were refused or not answered, by code. */
  readonly errors: ReadonlyMap<string, number>;
}

/** Counts of nothing. */
export const NO_ACKS: AckCounts = { acked: 0, refused: 0, unanswered: 0, errors: new Map() };

/** Adds the counts of several workers. */
export function sumAcks(all: readonly AckCounts[]): AckCounts {
  const errors = new Map<string, number>();
  for (const each of all) each.errors.forEach((count, code) => increment(errors, code, count));
  const sum = (key: "acked" | "refused" | "unanswered") =>
    all.reduce((sum, each) => sum + each[key], 0);
  return {
    acked: sum("acked"),
    refused: sum("refused"),
    unanswered: sum("unanswered"),
    errors,
  };
}
