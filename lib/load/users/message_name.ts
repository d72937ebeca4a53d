import type { MessageName } from "../measure/ledger/receiver_plan.ts";
import type { RunPlan } from "./user_plan.ts";

/** Names a message for people: `message 3 of user 1`. Both count from 1, as in `{seq}`. */
export function messageName({ sender, seq }: MessageName, { senders }: RunPlan): string {
  return `message ${seq + 1} of user ${senders[sender]!.id}`;
}
