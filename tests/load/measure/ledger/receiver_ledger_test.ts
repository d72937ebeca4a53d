import { assertEquals } from "@std/assert";
import { ReceiverLedger } from "../../../../lib/load/measure/ledger/receiver_ledger.ts";
import { TextFormat } from "../../../../lib/load/measure/ledger/text_check.ts";

const ROOM = { name: "", firstSender: 1, senderCount: 2 };

function createLedger(sender: number, sent: Int32Array, before?: ReceiverLedger) {
  return new ReceiverLedger({ id: 9, sender, room: ROOM }, new TextFormat(), sent, before);
}

/** A settled receiver of two senders, 1 and 2, which then send five messages each. */
function createReceiver(self = -1) {
  const sent = new Int32Array(3);
  const receiver = createLedger(self, sent);
  receiver.settle();
  sent.fill(5);
  return { receiver, sent };
}

Deno.test("ReceiverLedger.isExpected() is true for messages of its room that have not arrived", () => {
  const { receiver } = createReceiver();
  receiver.receive(1, 0);
  receiver.receive(1, 2);
  const expected = [0, 1, 2, 3, 4, 5].filter((seq) => receiver.isExpected(1, seq));
  assertEquals(expected, [1, 3, 4]);
  assertEquals([receiver.isExpected(2, 0), receiver.isExpected(0, 0)], [true, false]);
});

Deno.test("ReceiverLedger expects nothing before it is settled", () => {
  const receiver = createLedger(-1, new Int32Array(3).fill(5));
  assertEquals([receiver.isExpected(1, 4), receiver.outstanding], [false, 0]);
});

for (
  const [name, received, waived, outstanding] of [
    ["before anything has arrived", [], [0, 3], 8],
    ["that is missing", [0, 2], [1], 7],
    ["that is still to come", [0], [3], 8],
    ["that is next", [0], [1], 8],
    ["that has arrived", [0, 1], [1], 8],
    ["of another room", [], [], 10],
  ] as const
) {
  Deno.test(`ReceiverLedger.waive() no longer expects a message ${name}`, () => {
    const { receiver } = createReceiver();
    received.forEach((seq) => receiver.receive(1, seq));
    waived.forEach((seq) => receiver.waive({ sender: 1, seq }));
    receiver.waive({ sender: 0, seq: 1 });
    assertEquals(receiver.outstanding, outstanding);
    // All others arrive.
    for (const seq of [0, 1, 2, 3, 4]) {
      const isWaived = waived.some((each) => each === seq);
      if (receiver.isExpected(1, seq) && !isWaived) receiver.receive(1, seq);
      receiver.receive(2, seq);
    }
    assertEquals([receiver.outstanding, receiver.missingCount], [0, 0]);
  });
}

Deno.test("ReceiverLedger.waive() accepts a message that arrives nevertheless", () => {
  const { receiver } = createReceiver();
  receiver.waive({ sender: 1, seq: 1 });
  for (const seq of [0, 1, 2, 3, 4]) assertEquals(receiver.receive(1, seq), "in order");
  assertEquals(receiver.outstanding, 5);
});

for (
  const [name, arrivals, settledAt, missed, duplicated] of [
    ["until the first message", [4, 5], undefined, 2, 0],
    ["until it is settled", [], 6, 4, 0],
    ["if an earlier message arrives after it is settled", [5], 6, 3, 0],
    ["and counts what arrives again", [1, 4], undefined, 2, 1],
    ["if nothing arrives", [], undefined, 8, 0],
  ] as const
) {
  Deno.test(`ReceiverLedger.missedCount counts what was sent after a break ${name}`, () => {
    const sent = new Int32Array(3);
    // It is the second sender itself, whose own messages do not count.
    const before = createLedger(2, sent);
    before.settle();
    sent.fill(2);
    before.receive(1, 0);
    before.receive(1, 1);
    const receiver = createLedger(2, sent, before);
    sent.fill(4);
    if (settledAt !== undefined) {
      sent.fill(settledAt);
      receiver.settle();
    }
    sent.fill(10);
    for (const seq of arrivals) {
      receiver.receive(1, seq);
      if (seq > 1) receiver.settle();
    }
    assertEquals([receiver.missedCount, receiver.duplicatedCount], [missed, duplicated]);
  });
}

Deno.test("ReceiverLedger.missedCount does not count messages that are waived", () => {
  const sent = new Int32Array(3);
  const before = createLedger(-1, sent);
  before.settle();
  const receiver = createLedger(-1, sent, before);
  sent.fill(3);
  receiver.waive({ sender: 1, seq: 2 });
  receiver.receive(1, 3);
  receiver.settle();
  receiver.waive({ sender: 2, seq: 0 });
  assertEquals(receiver.missedCount, 4);
});

Deno.test("ReceiverLedger.firstBehind() and missingOf() look at what was sent before a time", () => {
  const { receiver, sent } = createReceiver();
  const before = receiver.sentNow;
  sent.fill(9);
  assertEquals([receiver.firstBehind(before, 0), receiver.missingOf(before)], [0, 10]);
  for (const seq of [0, 1, 3, 4]) receiver.receive(1, seq);
  assertEquals([receiver.firstBehind(before, 0), receiver.missingOf(before)], [1, 6]);
  receiver.receive(2, 7);
  assertEquals([receiver.firstBehind(before, 1), receiver.missingOf(before)], [2, 6]);
});
