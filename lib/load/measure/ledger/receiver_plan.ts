import type { RoomPlan } from "./room_plan.ts";

/** Who receives, and where. */
export interface ReceiverPlan {
  /** The user's id. */
  readonly id: number;
  /** The user's own index as a sender; -1 if it does not send. */
  readonly sender: number;
  /** The room whose messages it must receive. */
  readonly room: RoomPlan;
}

/** A message: the index of its sender, and its sequence number from 0. */
export interface MessageName {
  readonly sender: number;
  readonly seq: number;
}

/** Consecutive messages of a sender, from `from` up to, not including, `until`. */
export interface SeqRange {
  readonly sender: number;
  readonly from: number;
  readonly until: number;
}
