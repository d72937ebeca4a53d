import { Broadcast, type BroadcastOptions } from "./log/broadcast.ts";
import type { MessageLog } from "./log/message_log.ts";

/** The members of a room that get one format: a log in this format, and its fan-out. */
export class Audience {
  readonly log: MessageLog;
  readonly broadcast: Broadcast;
  /** The number of members, those whose replay is under way included. */
  memberCount = 0;

  constructor(options: BroadcastOptions) {
    this.log = options.log;
    this.broadcast = new Broadcast(options);
  }
}
