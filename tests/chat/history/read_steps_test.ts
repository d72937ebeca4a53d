import { assertEquals } from "@std/assert";
import { nextStep, readBackwards } from "../../../lib/chat/history/read_steps.ts";

/** A store of messages with these sequence numbers, and the steps in which it was read. */
function storeOf(seqs: readonly number[]) {
  const steps: number[] = [];
  const read = (upTo: number, limit: number) => {
    steps.push(limit);
    return seqs.filter((seq) => seq <= upTo).slice(-limit)
      .map((seq) => ({ seq, author: { id: null, name: null }, atMs: 0, body: "12345" }));
  };
  return { steps, read };
}

const ALL = Array.from({ length: 1000 }, (_, index) => index + 1);

Deno.test("nextStep() starts small, doubles what was read, and never exceeds the limit", () => {
  const steps: number[] = [];
  for (let count = 0; count < 900; count += steps.at(-1)!) steps.push(nextStep(count, 900));
  assertEquals(steps, [32, 32, 64, 128, 256, 256, 132]);
  assertEquals(nextStep(0, 10), 10);
});

Deno.test("readBackwards() returns the newest messages in order, however many steps it takes", () => {
  for (const limit of [1, 32, 33, 500, 1000, 2000]) {
    const { read } = storeOf(ALL);
    const messages = readBackwards(900, { limit, maxLength: Infinity }, read);
    assertEquals(messages.map(({ seq }) => seq), ALL.slice(Math.max(0, 900 - limit), 900));
  }
});

Deno.test("readBackwards() stops at a gap, inside a step and between two", () => {
  for (const oldest of [890, 869]) {
    const { read } = storeOf(ALL.filter((seq) => seq < 500 || seq >= oldest));
    const messages = readBackwards(900, { limit: 100, maxLength: Infinity }, read);
    assertEquals(messages.map(({ seq }) => seq), ALL.slice(oldest - 1, 900));
  }
});

Deno.test("readBackwards() skips a gap before the newest message", () => {
  const { read } = storeOf([1, 2, 3]);
  const messages = readBackwards(1000, { limit: 2, maxLength: Infinity }, read);
  assertEquals(messages.map(({ seq }) => seq), [2, 3]);
});

Deno.test("readBackwards() reads no further than its bounds", () => {
  const { steps, read } = storeOf(ALL);
  const messages = readBackwards(1000, { limit: 1000, maxLength: 12 }, read);
  assertEquals([messages.length, steps], [3, [32]]);
  assertEquals(readBackwards(1000, { limit: 40, maxLength: Infinity }, read).length, 40);
  assertEquals(steps, [32, 32, 8]);
});
