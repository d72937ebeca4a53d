import { assertEquals } from "@std/assert";
import { constantPacer, sharedPacer } from "../../../lib/load/pace/pacer.ts";
import { StagePacer } from "../../../lib/load/pace/stages.ts";

Deno.test("constantPacer() spaces messages evenly", () => {
  const pacer = constantPacer(50);
  assertEquals([0, 1, 2].map((index) => pacer.dueMs(index)), [0, 20, 40]);
});

for (
  const [name, pacer] of [
    ["a constant rate", constantPacer(100)],
    ["a ramp", new StagePacer([{ durationMs: 10_000, rate: 100 }], 0)],
  ] as const
) {
  Deno.test(`sharedPacer() lets threads take turns at ${name}`, () => {
    const shares = [0, 1, 2, 3].map((offset) => sharedPacer(pacer, { part: 0.25, offset }));
    const due = [0, 1, 2, 3, 4].flatMap((turn) => shares.map((share) => share.dueMs(turn)));
    assertEquals(due, Array.from(due, (_, index) => pacer.dueMs(index)));
  });
}
