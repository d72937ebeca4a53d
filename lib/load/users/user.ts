import type { ReceiverLedger } from "../measure/ledger/receiver_ledger.ts";
import { type ChorusListener, ChorusUser } from "./chorus_v1/chorus_user.ts";
import type { Connection } from "./connection/connect.ts";
import type { EventStream } from "./http/event_stream.ts";
import type { UserPlan } from "./user_plan.ts";

/** One of a worker's users. */
export interface User {
  readonly plan: UserPlan;
  /** undefined while it is not connected. */
  connection: Connection | EventStream | undefined;
  receiver: ReceiverLedger | undefined;
  /** undefined unless it speaks `chorus.v1`. */
  readonly chorus: ChorusUser | undefined;
  /** Whether it is disconnected because of `--churn` or `--storm`, and will reconnect. */
  isAway: boolean;
}

/** Makes a user that is not connected. @param acks undefined if no user speaks `chorus.v1`. */
export function createUser(plan: UserPlan, run: number, acks: ChorusListener | undefined): User {
  const listener = plan.via === "websocket" ? acks : undefined;
  return {
    plan,
    connection: undefined,
    receiver: undefined,
    chorus: listener && new ChorusUser({ run, sender: plan.sender, listener }),
    isAway: false,
  };
}
