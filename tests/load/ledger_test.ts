import { assertEquals } from "@std/assert";
import { DeliveryLedger, type LedgerCounts } from "../../lib/load/ledger.ts";
import { MARKER_BYTES, writeMarker } from "../../lib/load/marker.ts";

const RUN = 7;
const SENT = 5;

function message(number: number, { sender = 0, run = RUN } = {}): Uint8Array {
  const bytes = new Uint8Array(MARKER_BYTES);
  writeMarker(bytes, 0, { run, sender, number, plannedUs: 1000 * number });
  return bytes;
}

const NONE: LedgerCounts = {
  sent: SENT,
  delivered: 0,
  lost: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  echoed: 0,
  foreign: 0,
};

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
    const ledger = new DeliveryLedger(RUN, 2, MARKER_BYTES);
    const receiver = ledger.join(1);
    for (let count = 0; count < SENT; count++) assertEquals(ledger.send(0), count);
    for (const number of received) {
      const bytes = message(number);
      ledger.receive(receiver, bytes, 0, bytes.length);
    }
    assertEquals(ledger.counts, { ...NONE, ...counts });
    assertEquals(ledger.outstanding, counts.lost ?? 0);
  });
}

Deno.test("DeliveryLedger tells the planned time of what is delivered, and of nothing else", () => {
  const ledger = new DeliveryLedger(RUN, 2, MARKER_BYTES);
  const receiver = ledger.join(1);
  for (let count = 0; count < 3; count++) ledger.send(0);
  const received = [message(2), message(2), message(0), message(1, { run: 8 })];
  const times = received.map((bytes) => ledger.receive(receiver, bytes, 0, bytes.length));
  assertEquals(times, [2000, undefined, 0, undefined]);
});

Deno.test("DeliveryLedger counts echoes, strangers and damage apart", () => {
  const ledger = new DeliveryLedger(RUN, 2, MARKER_BYTES);
  const self = ledger.join(0);
  ledger.send(0);
  const damaged = message(0, { sender: 1 });
  damaged[12]!++;
  const stranger = new TextEncoder().encode("hello, I am somebody else and talk too");
  for (const bytes of [message(0), damaged, stranger, message(0, { sender: 2 })]) {
    ledger.receive(self, bytes, 0, bytes.length);
  }
  assertEquals(ledger.counts, { ...NONE, sent: 1, echoed: 1, corrupt: 1, foreign: 2 });
});

Deno.test("DeliveryLedger expects what was sent while a receiver was there", () => {
  const ledger = new DeliveryLedger(RUN, 1, MARKER_BYTES);
  const early = ledger.join(-1);
  ledger.send(0);
  const late = ledger.join(-1);
  ledger.send(0);
  assertEquals(ledger.outstanding, 3);
  const second = message(1);
  ledger.receive(late, second, 0, second.length);
  ledger.receive(early, second, 0, second.length);
  assertEquals(ledger.outstanding, 1);
  // It has missed the first for certain; what is still on its way when it leaves is not expected.
  ledger.send(0);
  ledger.leave(early);
  ledger.leave(early);
  ledger.leave(late);
  assertEquals([ledger.outstanding, ledger.counts.lost, ledger.counts.delivered], [0, 1, 2]);
});

Deno.test("DeliveryLedger sees that a message was cut short, and looks past what is like a marker", () => {
  const ledger = new DeliveryLedger(RUN, 2, 40);
  const receiver = ledger.join(1);
  for (let count = 0; count < 2; count++) ledger.send(0);
  const whole = new Uint8Array(40).fill(0x2e);
  whole.set(message(0));
  const wrapped = new TextEncoder().encode(`~${"-".repeat(28)}~${" ".repeat(40)}`);
  wrapped.set(whole, 30);
  ledger.receive(receiver, wrapped, 0, wrapped.length);
  whole.set(message(1));
  ledger.receive(receiver, whole, 0, 39);
  assertEquals(ledger.counts, { ...NONE, sent: 2, delivered: 1, lost: 1, corrupt: 1 });
});
