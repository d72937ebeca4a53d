import { assertEquals } from "@std/assert";
import {
  type LedgerCounts,
  NO_COUNTS,
} from "../../../../lib/load/measure/ledger/delivery_counts.ts";
import { DeliveryLedger } from "../../../../lib/load/measure/ledger/ledger.ts";
import type { ReceiverLedger } from "../../../../lib/load/measure/ledger/receiver_ledger.ts";
import { MarkedMessage } from "../../../../lib/load/measure/message.ts";
import {
  fillBehindMarker,
  type Marker,
  MARKER_BYTES,
  writeMarker,
} from "../../../../lib/load/measure/ledger/marker.ts";

const RUN = 7;
const SENT = 5;

function message(seq: number, marker: Partial<Marker> = {}): Uint8Array {
  const bytes = new Uint8Array(MARKER_BYTES);
  writeMarker(bytes, 0, {
    run: RUN,
    sender: 0,
    seq,
    plannedUs: 1000 * seq,
    lateUs: seq,
    wholeBytes: MARKER_BYTES,
    ...marker,
  });
  return bytes;
}

/** A ledger for which each sender has sent as many messages as given. */
function ledgerOf(...sent: number[]) {
  const sentBySender = new Int32Array(sent.length);
  const room = { name: "", firstSender: 0, senderCount: sent.length };
  const ledger = new DeliveryLedger({
    run: RUN,
    sentBySender,
    message: new MarkedMessage("{marker}", 0),
    senders: sent.map((_, at) => ({ id: at + 1, name: "", room: "" })),
    startEpochMs: 0,
    orderTable: undefined,
  });
  return {
    ledger,
    sentBySender,
    /** Adds a settled receiver. */
    join: (self: number) => {
      const receiver = ledger.join({ id: self + 1, sender: self, room }, "websocket");
      receiver.settle();
      return receiver;
    },
    sendAll: () => sentBySender.set(sent),
    /** @returns The `plannedUs` of each message that counts as delivered. */
    receive: (receiver: ReceiverLedger, bytes: Uint8Array): number[] => {
      const planned: number[] = [];
      ledger.receive(receiver, bytes, 0, bytes.length, ({ plannedUs }) => planned.push(plannedUs));
      return planned;
    },
  };
}

const CASES: readonly [name: string, received: readonly number[], counts: Partial<LedgerCounts>][] =
  [
    ["everything in order", [0, 1, 2, 3, 4], { delivered: 5 }],
    ["nothing", [], { lost: 5 }],
    ["all but the first", [1, 2, 3, 4], { delivered: 4, lost: 1 }],
    ["all but the last", [0, 1, 2, 3], { delivered: 4, lost: 1 }],
    ["one twice", [0, 1, 1, 2, 3, 4], { delivered: 5, duplicated: 1 }],
    ["one twice, the second time at the end", [0, 1, 2, 3, 4, 0], { delivered: 5, duplicated: 1 }],
    ["two swapped messages", [0, 2, 1, 3, 4], { delivered: 5, reordered: 1 }],
    ["the first at the end", [1, 2, 3, 4, 0], { delivered: 5, reordered: 1 }],
    ["a reordered one twice", [0, 2, 1, 1, 3, 4], { delivered: 5, reordered: 1, duplicated: 1 }],
    ["one that was never sent", [0, 1, 2, 3, 4, 5], { delivered: 5, corrupt: 1 }],
  ];

for (const [name, received, counts] of CASES) {
  Deno.test(`DeliveryLedger has exact counts after a receiver received ${name}`, () => {
    const { ledger, join, sendAll, receive } = ledgerOf(SENT, 0);
    const receiver = join(1);
    sendAll();
    for (const seq of received) receive(receiver, message(seq));
    assertEquals(ledger.counts, { ...NO_COUNTS, ...counts });
    assertEquals([ledger.outstanding, ledger.delivered], [
      counts.lost ?? 0,
      counts.delivered ?? 0,
    ]);
  });
}

Deno.test("DeliveryLedger.receive() passes on the markers of delivered messages only", () => {
  const { join, sendAll, receive } = ledgerOf(3, 0);
  const receiver = join(1);
  sendAll();
  const received = [message(2), message(2), message(0), message(1, { run: 8 })];
  assertEquals(received.flatMap((bytes) => receive(receiver, bytes)), [2000, 0]);
});

Deno.test("DeliveryLedger counts echoed, foreign, and corrupt messages separately", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(1, 0);
  const self = join(0);
  sendAll();
  const damaged = message(0, { sender: 1 });
  damaged[12]!++;
  const foreign = new TextEncoder().encode("hello, I am another client and send messages too");
  for (const bytes of [message(0), damaged, foreign, message(0, { sender: 2 })]) {
    receive(self, bytes);
  }
  assertEquals(ledger.counts, { ...NO_COUNTS, echoed: 1, corrupt: 1, foreign: 2 });
});

Deno.test("DeliveryLedger expects the messages that were sent while a receiver was connected", () => {
  const { ledger, join, sentBySender, receive } = ledgerOf(0);
  const early = join(-1);
  sentBySender[0] = 1;
  const late = join(-1);
  sentBySender[0] = 2;
  assertEquals(ledger.outstanding, 3);
  receive(late, message(1));
  receive(early, message(1));
  assertEquals([ledger.outstanding, ledger.countsSoFar.lost], [1, 1]);
  // The first message is missing. The third is under way when the receiver leaves, and is not
  // expected.
  sentBySender[0] = 3;
  ledger.leave(early);
  ledger.leave(early);
  ledger.leave(late);
  assertEquals([ledger.outstanding, ledger.counts.lost, ledger.delivered], [0, 1, 2]);
});

Deno.test("DeliveryLedger expects nothing of a connecting receiver until its first message", () => {
  const { ledger, sentBySender, receive } = ledgerOf(0, 0);
  sentBySender.set([5, 5]);
  const receiver = ledger.join({
    id: 9,
    sender: -1,
    room: { name: "", firstSender: 0, senderCount: 2 },
  }, "websocket");
  assertEquals(ledger.outstanding, 0);
  // The server added the receiver to the room some time before this message. All later ones must
  // arrive.
  receive(receiver, message(3));
  assertEquals(ledger.outstanding, 1);
  receive(receiver, message(4));
  assertEquals([ledger.outstanding, ledger.countsSoFar.lost], [0, 0]);
  // Messages of the other sender that were under way may arrive or not.
  receive(receiver, message(4, { sender: 1 }));
  sentBySender.set([6, 7]);
  receive(receiver, message(6, { sender: 1 }));
  assertEquals([ledger.outstanding, ledger.countsSoFar.lost], [2, 1]);
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 4, lost: 2 });
});

Deno.test("DeliveryLedger expects all messages of a settled receiver, and accepts earlier ones", () => {
  const { ledger, sentBySender, join, receive } = ledgerOf(0);
  sentBySender[0] = 2;
  const [silent, lively] = [join(-1), join(-1)];
  sentBySender[0] = 4;
  receive(lively, message(1));
  receive(lively, message(3));
  assertEquals([ledger.outstanding, ledger.countsSoFar.lost], [3, 1]);
  ledger.leave(silent);
  assertEquals(ledger.counts.lost, 1);
});

Deno.test("DeliveryLedger detects a message that was cut short, and skips text that looks like a marker", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(2, 0);
  const receiver = join(1);
  sendAll();
  const whole = new Uint8Array(60);
  const write = (seq: number) => {
    whole.set(message(seq, { wholeBytes: whole.length }));
    fillBehindMarker(whole, 0, whole.length);
  };
  write(0);
  const wrapped = new TextEncoder().encode(
    `~${"-".repeat(MARKER_BYTES - 2)}~${" ".repeat(60)}`,
  );
  wrapped.set(whole, MARKER_BYTES);
  receive(receiver, wrapped);
  write(1);
  receive(receiver, whole.subarray(0, 59));
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 1, corrupt: 1 });
});

Deno.test("DeliveryLedger finds all messages that a server joined into one", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(8, 0);
  const receiver = join(1);
  sendAll();
  const damaged = (seq: number) => {
    const bytes = message(seq);
    bytes[20]!++;
    return bytes;
  };
  const joined = (...messages: Uint8Array[]) =>
    Uint8Array.from(messages.flatMap((bytes) => [...bytes, 0x0a]));
  assertEquals(receive(receiver, joined(message(0), message(1), damaged(2))), [0, 1000]);
  assertEquals(receive(receiver, joined(damaged(3), message(4))), [4000]);
  assertEquals(receive(receiver, joined(message(5), message(6))), [5000, 6000]);
  assertEquals(receive(receiver, Uint8Array.from([0x22, ...message(7), 0x22])), [7000]);
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 6, corrupt: 2 });
});

Deno.test("DeliveryLedger counts all messages in a broken frame as corrupt, and none as lost", () => {
  const { ledger, join, sendAll } = ledgerOf(3, 0);
  const receiver = join(1);
  sendAll();
  const damaged = message(2);
  damaged[20] = 0x21;
  for (const bytes of [message(0), message(1), damaged, new Uint8Array(60)]) {
    ledger.receive(receiver, bytes, 0, bytes.length, undefined);
  }
  assertEquals(ledger.counts, { ...NO_COUNTS, corrupt: 3, foreign: 1 });
  assertEquals(ledger.faults[0], {
    kind: "corrupt",
    text: "Message 1 of user 1 arrived at user 2 in a damaged frame",
  });
});

Deno.test("DeliveryLedger ignores unrelated tildes", () => {
  const { ledger, join, receive } = ledgerOf(0);
  receive(join(-1), new Uint8Array(2 * MARKER_BYTES).fill(0x7e));
  assertEquals(ledger.counts, { ...NO_COUNTS, foreign: 1 });
});
