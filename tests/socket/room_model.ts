import { assert } from "@std/assert";

/** What a connection received from a room. */
export interface Reception {
  readonly user: string;
  /** The sequence number up to which everything is checked. */
  after: number;
  /** The messages received after that. */
  readonly received: string[];
  /** The messages of this connection, which it must not receive. */
  readonly own: ReadonlySet<string>;
  /** Messages sent again. It receives those that an earlier connection did publish. */
  readonly repeated: ReadonlySet<string>;
  /** The sequence numbers that a gap notice named as missed. */
  readonly missed: ReadonlySet<number>;
  /** Up to this sequence number, it may miss messages without a gap notice. */
  readonly mayMissUpTo: number;
}

/** The expected state of a room: a list of messages. Each connection receives a part of it. */
export class RoomModel {
  /** The published messages in order. The first has the sequence number 1. */
  readonly published: string[] = [];

  /** Checks that a connection received each message up to `upTo` once and in order. */
  check(reception: Reception, upTo: number): void {
    const { user, received, own, repeated, missed, mayMissUpTo } = reception;
    while (reception.after < upTo) {
      const seq = ++reception.after;
      const text = this.published[seq - 1]!;
      const isReceived = received[0] === text;
      if (isReceived) received.shift();
      const mustNotReceive = own.has(text) || missed.has(seq);
      const isUncertain = repeated.has(text) || seq <= mayMissUpTo;
      assert(
        isUncertain || isReceived !== mustNotReceive,
        `${user} ${isReceived ? "received" : "did not receive"} ${seq}, "${text.slice(0, 40)}"; ` +
          `next is ${received[0]}`,
      );
    }
  }
}
