import type { MessageName } from "./receiver_plan.ts";
import type { SentWindow } from "./sent_window.ts";

/** How many messages are looked at. If so many reached nobody, more would tell nothing new. */
const MAX_UNREACHED = 1000;

/** A message that was acked and reached nobody. */
export interface UnreachedMessage extends MessageName {
  /** Its packed position. */
  readonly position: number;
}

/**
 * Finds messages that were acked and reached nobody, among those that the window remembers. Whether
 * anybody should have received them is another question.
 */
export function findUnreached(
  window: SentWindow,
  sentBySender: Int32Array,
): readonly UnreachedMessage[] {
  const found: UnreachedMessage[] = [];
  for (let sender = 0; sender < sentBySender.length; sender++) {
    const sent = sentBySender[sender]!;
    for (let seq = window.firstOf(sent); seq < sent; seq++) {
      const position = window.positionOf(sender, seq);
      if (position === 0 || window.isReached(sender, seq)) continue;
      found.push({ sender, seq, position });
      if (found.length === MAX_UNREACHED) return found;
    }
  }
  return found;
}
