import { sumAcks } from "./measure/acks.ts";
import type { AckReport } from "./measure/measurement.ts";
import { formatPacked } from "./measure/ledger/packed_position.ts";
import type { SentWindow } from "./measure/ledger/sent_window.ts";
import type { MessageName } from "./measure/ledger/receiver_plan.ts";
import { findUnreached, type UnreachedMessage } from "./measure/ledger/unreached.ts";
import { messageName } from "./users/message_name.ts";
import type { RunPlan } from "./users/user_plan.ts";
import type { LoadWorker, WorkerResult } from "./users/worker.ts";

/** How many messages are named. */
const MAX_NAMES = 10;

/** Finds messages that were acked and reached nobody, although a receiver still expects them. */
export async function unreachedMessages(
  window: SentWindow,
  sentBySender: Int32Array,
  workers: readonly LoadWorker[],
): Promise<readonly UnreachedMessage[]> {
  const unreached = findUnreached(window, sentBySender);
  if (unreached.length === 0) return [];
  const lists = await Promise.all(workers.map((worker) => worker.expected(unreached)));
  const key = ({ sender, seq }: MessageName) => `${sender} ${seq}`;
  const expected = new Set(lists.flat().map(key));
  return unreached.filter((message) => expected.has(key(message)));
}

/**
 * Adds the answers that all workers got.
 *
 * @param unreached undefined if it is not known which messages were acked.
 */
export function ackReport(
  results: readonly Pick<WorkerResult, "acks">[],
  unreached: readonly UnreachedMessage[] | undefined,
  plan: RunPlan,
): AckReport {
  const { epochs, ...counts } = sumAcks(results.map(({ acks }) => acks));
  return {
    ...counts,
    unreached: unreached?.length,
    unreachedNames: (unreached ?? []).slice(0, MAX_NAMES).map((message) =>
      `${messageName(message, plan)} at position ${formatPacked(message.position, epochs)}`
    ),
  };
}
