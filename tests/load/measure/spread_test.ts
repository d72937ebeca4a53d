import { assertEquals } from "@std/assert";
import { type Spread, SpreadMerger, SpreadRecorder } from "../../../lib/load/measure/spread.ts";

function message(seq: number, plannedUs: number, sender = 0) {
  return { sender, seq, plannedUs };
}

Deno.test("SpreadRecorder follows every message at low rates, and one per millisecond at high rates", () => {
  const [few, many] = [new SpreadRecorder(1000), new SpreadRecorder(4000)];
  for (let seq = 0; seq < 40; seq++) {
    few.record(message(seq, seq * 1000), 50);
    many.record(message(seq, seq * 250), 50);
  }
  assertEquals([few.take().length, many.take().length], [40, 10]);
  assertEquals(many.take(), []);
});

Deno.test("SpreadMerger merges several recorders, and several results of one", () => {
  const complete: Spread[] = [];
  const merger = new SpreadMerger((spread) => complete.push(spread));
  const [one, other] = [new SpreadRecorder(0), new SpreadRecorder(0)];
  one.record(message(1, 5000), 7);
  one.record(message(1, 5000), 9);
  other.record(message(1, 5000), 6);
  other.record(message(1, 5000, 3), 8);
  merger.add([...one.take(), ...other.take()], 1000);
  one.record(message(1, 5000), 11);
  merger.add(one.take(), 2000);
  assertEquals(complete, []);
  merger.close();
  assertEquals(
    complete.map(({ plannedMs, firstMs, lastMs }) => [plannedMs, firstMs, lastMs]),
    [[5, 6, 11], [5, 8, 8]],
  );
  merger.close();
  assertEquals(complete.length, 2);
});

Deno.test("SpreadMerger completes a message a minute after it was due", () => {
  const complete: Spread[] = [];
  const merger = new SpreadMerger((spread) => complete.push(spread));
  merger.add([{ key: 1, plannedMs: 0, firstMs: 1, lastMs: 2 }], 60_000);
  assertEquals(complete.length, 0);
  merger.add([], 60_001);
  assertEquals(complete.length, 1);
});
