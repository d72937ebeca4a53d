/** Counts of deliveries. One message to N receivers is N deliveries. */
export interface LedgerCounts {
  /** Messages that reached a receiver other than their sender, undamaged. Each counts once. */
  delivered: number;
  /** Did not arrive, although the receiver was connected from before they were sent to the end. */
  lost: number;
  /** Arrived more than once. */
  duplicated: number;
  /** Arrived after a later message of the same sender. */
  reordered: number;
  /** Arrived in another order than at other receivers. */
  misordered: number;
  /** Arrived with a changed byte, or cut short. */
  corrupt: number;
  /** Messages of this run that arrived in another room than theirs. */
  leaked: number;
  /** Arrived at their own sender. */
  echoed: number;
  /** Carry no marker of this run: the server or another client sent them. */
  foreign: number;
}

/** Counts of zero. */
export const NO_COUNTS: Readonly<LedgerCounts> = {
  delivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  misordered: 0,
  corrupt: 0,
  leaked: 0,
  echoed: 0,
  foreign: 0,
};

/** Adds counts to others. */
export function addCounts(to: LedgerCounts, counts: Readonly<LedgerCounts>): void {
  for (const key of Object.keys(to) as (keyof LedgerCounts)[]) to[key] += counts[key];
}
