import { assert, assertEquals, assertMatch } from "@std/assert";
import { NO_MARKER } from "../../../../lib/load/measure/ledger/marker.ts";
import { createOrderTable, OrderCheck } from "../../../../lib/load/measure/ledger/order_check.ts";
import { ReceiverLedger } from "../../../../lib/load/measure/ledger/receiver_ledger.ts";
import { TextFormat } from "../../../../lib/load/measure/ledger/text_check.ts";
import { seededRandom } from "../../../../lib/load/seeded_random.ts";

interface Message {
  readonly sender: number;
  readonly seq: number;
}

interface Room {
  /** The messages in the order of the room. */
  readonly order: readonly Message[];
  /** What each receiver gets, in its order. The first ones send. */
  readonly views: Message[][];
}

/** A room where each receiver gets all messages but its own, in one order. */
function roomOf(random: () => number, senderCount: number, receiverCount: number): Room {
  const sent = Array<number>(senderCount).fill(0);
  const order = Array.from({ length: 60 }, () => {
    const sender = Math.floor(random() * senderCount);
    return { sender, seq: sent[sender]!++ };
  });
  const views = Array.from(
    { length: receiverCount },
    (_, receiver) => order.filter(({ sender }) => sender !== receiver),
  );
  return { order, views };
}

/** Lets everything arrive: each receiver's messages in their order, the receivers at random. */
function misorderedIn({ order, views }: Room, random: () => number, workerCount = 1) {
  const texts: string[] = [];
  const senderCount = Math.max(...order.map(({ sender }) => sender)) + 1;
  const sentBySender = new Int32Array(senderCount);
  const room = { name: "", firstSender: 0, senderCount };
  const table = createOrderTable(views.length);
  const checks = Array.from({ length: workerCount }, () =>
    new OrderCheck({
      table,
      onMisordered: (text) => texts.push(text()),
      nameOf: ({ sender, seq }) => `${sender}/${seq}`,
    }));
  const receivers = views.map((view, index) => {
    const sender = index < senderCount ? index : -1;
    const plan = { id: index + 1, sender, room };
    const ledger = new ReceiverLedger(plan, new TextFormat(), sentBySender);
    ledger.settle();
    return { ledger, left: [...view] };
  });
  for (const { sender } of order) sentBySender[sender]!++;
  for (let left = receivers; left.length > 0; left = left.filter((each) => each.left.length > 0)) {
    const at = Math.floor(random() * left.length);
    const { ledger, left: messages } = left[at]!;
    // A read has one message or several.
    for (const { sender, seq } of messages.splice(0, 1 + Math.floor(random() * 5))) {
      const arrived = ledger.receive(sender, seq);
      const check = checks[ledger.plan.id % workerCount]!;
      if (arrived === "in order") check.observe(ledger, { ...NO_MARKER, sender, seq });
    }
  }
  receivers.forEach(({ ledger }) => checks[ledger.plan.id % workerCount]!.readLetter(ledger));
  return texts;
}

/** Swaps two neighbors of different senders in one receiver's view. Returns whether it could. */
function swap(view: Message[], random: () => number): boolean {
  for (let tries = 0; tries < 100; tries++) {
    const at = Math.floor(random() * (view.length - 1));
    const [one, other] = [view[at]!, view[at + 1]!];
    if (one.sender === other.sender) continue;
    [view[at], view[at + 1]] = [other, one];
    return true;
  }
  return false;
}

const ROOMS: readonly [senderCount: number, receiverCount: number][] = [
  [1, 3],
  [2, 4],
  [3, 3],
  [4, 4],
  [5, 5],
  [3, 8],
  [8, 8],
];

for (const [senderCount, receiverCount] of ROOMS) {
  const name = `${receiverCount} receivers, of whom ${senderCount} send`;

  Deno.test(`OrderCheck finds nothing if there is one order: ${name}`, () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const room = roomOf(random, senderCount, receiverCount);
      assertEquals(misorderedIn(room, random, 1 + seed % 2), [], `seed ${seed}`);
    }
  });

  Deno.test(`OrderCheck does not take lost messages for another order: ${name}`, () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed);
      const { order, views } = roomOf(random, senderCount, receiverCount);
      const lossy = views.map((view) => view.filter(() => random() > 0.1));
      assertEquals(misorderedIn({ order, views: lossy }, random), [], `seed ${seed}`);
    }
  });
}

for (const [senderCount, receiverCount] of [[2, 5], [5, 5], [3, 8], [8, 8], [6, 20]] as const) {
  Deno.test(`OrderCheck finds one swap for one of ${receiverCount} receivers, of whom ${senderCount} send`, () => {
    let missedCount = 0;
    for (let seed = 0; seed < 500; seed++) {
      const random = seededRandom(seed);
      const room = roomOf(random, senderCount, receiverCount);
      const odd = Math.floor(random() * receiverCount);
      if (!swap(room.views[odd]!, random)) continue;
      const texts = misorderedIn(room, random, 1 + seed % 3);
      if (texts.length === 0) missedCount++;
      else assertEquals(texts.length, 1, `seed ${seed}: ${texts.join("\n")}`);
      for (const text of texts) {
        assertMatch(text, /^Users \d+ and \d+ got message \d\/\d+ and message \d\/\d+ in diff/);
      }
    }
    assert(missedCount <= 1, `${missedCount} of 500 swaps were missed`);
  });
}
