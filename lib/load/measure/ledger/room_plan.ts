/** A room of a run, and which of the run's senders are in it. */
export interface RoomPlan {
  /** Empty if the server chooses the room. */
  readonly name: string;
  /** The index of its first sender. The others follow. */
  readonly firstSender: number;
  readonly senderCount: number;
}
