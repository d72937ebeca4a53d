import { assertEquals } from "@std/assert";
import { type Spread, SpreadMerger, SpreadRecorder } from "../../../lib/load/measure/spread.ts";

function message(number: number, plannedUs: number, sender = 0) {
  return { sender, number, plannedUs };
}

Deno.test("SpreadRecorder follows every message where there are few, and one a millisecond where there are many", () => {
  const [few, many] = [new SpreadRecorder(1000), new SpreadRecorder(4000)];
  for (let number = 0; number < 40; number++) {
    few.record(message(number, number * 1000), 50);
    many.record(message(number, number * 250), 50);
  }
  assertEquals([few.take().length, many.take().length], [40, 10]);
  assertEquals(many.take(), []);
});

Deno.test("SpreadMerger puts together what came to several recorders, and at several times", () => {
  const whole: Spread[] = [];
  const merger = new SpreadMerger((spread) => whole.push(spread));
  const [one, other] = [new SpreadRecorder(0), new SpreadRecorder(0)];
  one.record(message(1, 5000), 7);
  one.record(message(1, 5000), 9);
  other.record(message(1, 5000), 6);
  other.record(message(1, 5000, 3), 8);
  merger.add([...one.take(), ...other.take()], 1000);
  one.record(message(1, 5000), 11);
  merger.add(one.take(), 2000);
  assertEquals(whole, []);
  merger.close();
  assertEquals(
    whole.map(({ plannedMs, firstMs, lastMs }) => [plannedMs, firstMs, lastMs]),
    [[5, 6, 11], [5, 8, 8]],
  );
  merger.close();
  assertEquals(whole.length, 2);
});

Deno.test("SpreadMerger does not wait for a receiver that has not got a message after a minute", () => {
  const whole: Spread[] = [];
  const merger = new SpreadMerger((spread) => whole.push(spread));
  merger.add([{ key: 1, plannedMs: 0, firstMs: 1, lastMs: 2 }], 60_000);
  assertEquals(whole.length, 0);
  merger.add([], 60_001);
  assertEquals(whole.length, 1);
});
