import { assertEquals } from "@std/assert";
import { packPosition } from "../../../../lib/load/measure/ledger/packed_position.ts";
import { createSharedWindow, SentWindow } from "../../../../lib/load/measure/ledger/sent_window.ts";

Deno.test("SentWindow remembers the last messages of each sender, equally many", () => {
  const window = new SentWindow(createSharedWindow(), 3);
  const { perSender } = window;
  assertEquals(perSender, 2 ** 20);
  assertEquals([window.firstOf(0), window.firstOf(perSender), window.firstOf(perSender + 2)], [
    0,
    0,
    2,
  ]);
});

Deno.test("SentWindow tells which messages were acked and have reached somebody", () => {
  const shared = createSharedWindow();
  const window = new SentWindow(shared, 2);
  const { perSender } = window;
  window.onSent(1, 5);
  assertEquals([window.isReached(1, 5), window.positionOf(1, 5)], [false, 0]);
  window.onAcked(1, 5, "e-3");
  // Another thread uses the same memory.
  new SentWindow(shared, 2).onReached(1, 5);
  assertEquals([window.isReached(1, 5), window.positionOf(1, 5)], [true, packPosition("e-3")]);
  assertEquals([window.isReached(0, 5), window.positionOf(0, 5)], [false, 0]);
  // The message that takes its place has neither.
  const next = perSender + 5;
  window.onSent(1, next);
  assertEquals([window.isReached(1, next), window.positionOf(1, next)], [false, 0]);
});
