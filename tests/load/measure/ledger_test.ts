import { assertEquals } from "@std/assert";
import {
  DeliveryLedger,
  type LedgerCounts,
  NO_COUNTS,
  type ReceiverLedger,
} from "../../../lib/load/measure/ledger.ts";
import { type Marker, MARKER_BYTES, writeMarker } from "../../../lib/load/measure/marker.ts";

const RUN = 7;
const SENT = 5;

function message(number: number, marker: Partial<Marker> = {}): Uint8Array {
  const bytes = new Uint8Array(MARKER_BYTES);
  writeMarker(bytes, 0, {
    run: RUN,
    sender: 0,
    number,
    plannedUs: 1000 * number,
    lateUs: number,
    wholeBytes: MARKER_BYTES,
    ...marker,
  });
  return bytes;
}

/** A ledger in which these many messages have been sent by each sender. */
function ledgerOf(...sent: number[]) {
  const sentBySender = new Int32Array(sent.length);
  const ledger = new DeliveryLedger(RUN, sentBySender);
  return {
    ledger,
    sentBySender,
    /** Lets a receiver in that is to receive everything. */
    join: (self: number) => {
      const receiver = ledger.join(self);
      ledger.settle(receiver);
      return receiver;
    },
    sendAll: () => sentBySender.set(sent),
    /** @returns When those were planned that count as delivered. */
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
    ["one again at the end", [0, 1, 2, 3, 4, 0], { delivered: 5, duplicated: 1 }],
    ["two that have changed places", [0, 2, 1, 3, 4], { delivered: 5, reordered: 1 }],
    ["the first at the end", [1, 2, 3, 4, 0], { delivered: 5, reordered: 1 }],
    ["a late one twice", [0, 2, 1, 1, 3, 4], { delivered: 5, reordered: 1, duplicated: 1 }],
    ["one that nobody has sent", [0, 1, 2, 3, 4, 5], { delivered: 5, corrupt: 1 }],
  ];

for (const [name, received, counts] of CASES) {
  Deno.test(`DeliveryLedger, having received ${name}, has exact counts`, () => {
    const { ledger, join, sendAll, receive } = ledgerOf(SENT, 0);
    const receiver = join(1);
    sendAll();
    for (const number of received) receive(receiver, message(number));
    assertEquals(ledger.counts, { ...NO_COUNTS, ...counts });
    assertEquals([ledger.outstanding, ledger.delivered], [
      counts.lost ?? 0,
      counts.delivered ?? 0,
    ]);
  });
}

Deno.test("DeliveryLedger tells what the marker of a delivered message says, and of nothing else", () => {
  const { join, sendAll, receive } = ledgerOf(3, 0);
  const receiver = join(1);
  sendAll();
  const received = [message(2), message(2), message(0), message(1, { run: 8 })];
  assertEquals(received.flatMap((bytes) => receive(receiver, bytes)), [2000, 0]);
});

Deno.test("DeliveryLedger counts echoes, strangers and damage apart", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(1, 0);
  const self = join(0);
  sendAll();
  const damaged = message(0, { sender: 1 });
  damaged[12]!++;
  const stranger = new TextEncoder().encode("hello, I am somebody else and talk too, at length");
  for (const bytes of [message(0), damaged, stranger, message(0, { sender: 2 })]) {
    receive(self, bytes);
  }
  assertEquals(ledger.counts, { ...NO_COUNTS, echoed: 1, corrupt: 1, foreign: 2 });
});

Deno.test("DeliveryLedger expects what was sent while a receiver was there", () => {
  const { ledger, join, sentBySender, receive } = ledgerOf(0);
  const early = join(-1);
  sentBySender[0] = 1;
  const late = join(-1);
  sentBySender[0] = 2;
  assertEquals(ledger.outstanding, 3);
  receive(late, message(1));
  receive(early, message(1));
  assertEquals([ledger.outstanding, ledger.missing], [1, 1]);
  // It has missed the first for certain; what is still on its way when it leaves is not expected.
  sentBySender[0] = 3;
  ledger.leave(early);
  ledger.leave(early);
  ledger.leave(late);
  assertEquals([ledger.outstanding, ledger.counts.lost, ledger.delivered], [0, 1, 2]);
});

Deno.test("DeliveryLedger expects nothing of a receiver that connects, until its first message", () => {
  const { ledger, sentBySender, receive } = ledgerOf(0, 0);
  sentBySender.set([5, 5]);
  const receiver = ledger.join(-1);
  assertEquals(ledger.outstanding, 0);
  // The server may have counted it in anywhere before this one; from here on everything has to come.
  receive(receiver, message(3));
  assertEquals(ledger.outstanding, 1);
  receive(receiver, message(4));
  assertEquals([ledger.outstanding, ledger.missing], [0, 0]);
  // Of the other sender what was under way may still come, or not.
  receive(receiver, message(4, { sender: 1 }));
  sentBySender.set([6, 7]);
  receive(receiver, message(6, { sender: 1 }));
  assertEquals([ledger.outstanding, ledger.missing], [2, 1]);
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 4, lost: 2 });
});

Deno.test("DeliveryLedger misses what a settled receiver never gets, and takes what was under way", () => {
  const { ledger, sentBySender, join, receive } = ledgerOf(0);
  sentBySender[0] = 2;
  const [silent, lively] = [join(-1), join(-1)];
  sentBySender[0] = 4;
  receive(lively, message(1));
  receive(lively, message(3));
  assertEquals([ledger.outstanding, ledger.missing], [3, 1]);
  ledger.leave(silent);
  assertEquals(ledger.counts.lost, 1);
});

Deno.test("DeliveryLedger sees that a message was cut short, and looks past what is like a marker", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(2, 0);
  const receiver = join(1);
  sendAll();
  const whole = new Uint8Array(50).fill(0x2e);
  whole.set(message(0, { wholeBytes: 50 }));
  const wrapped = new TextEncoder().encode(
    `~${"-".repeat(MARKER_BYTES - 2)}~${" ".repeat(50)}`,
  );
  wrapped.set(whole, MARKER_BYTES);
  receive(receiver, wrapped);
  whole.set(message(1, { wholeBytes: 50 }));
  receive(receiver, whole.subarray(0, 49));
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 1, lost: 1, corrupt: 1 });
});

Deno.test("DeliveryLedger finds all messages that a server has put into one", () => {
  const { ledger, join, sendAll, receive } = ledgerOf(8, 0);
  const receiver = join(1);
  sendAll();
  const damaged = (number: number) => {
    const bytes = message(number);
    bytes[20]!++;
    return bytes;
  };
  const joined = (...messages: Uint8Array[]) =>
    Uint8Array.from(messages.flatMap((bytes) => [...bytes, 0x0a]));
  assertEquals(receive(receiver, joined(message(0), message(1), damaged(2))), [0, 1000]);
  assertEquals(receive(receiver, joined(damaged(3), message(4))), [4000]);
  assertEquals(receive(receiver, joined(message(5), message(6))), [5000, 6000]);
  assertEquals(receive(receiver, Uint8Array.from([0x22, ...message(7), 0x22])), [7000]);
  assertEquals(ledger.counts, { ...NO_COUNTS, delivered: 6, lost: 2, corrupt: 2 });
});

Deno.test("DeliveryLedger takes tildes of strangers for no damage", () => {
  const { ledger, join, receive } = ledgerOf(0);
  receive(join(-1), new Uint8Array(2 * MARKER_BYTES).fill(0x7e));
  assertEquals(ledger.counts, { ...NO_COUNTS, foreign: 1 });
});
