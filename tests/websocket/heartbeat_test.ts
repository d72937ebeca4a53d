import { assertEquals } from "@std/assert";
import { beatMs, type Due, type Times, whatIsDue } from "../../lib/websocket/heartbeat.ts";

const OPTIONS = { pingIntervalMs: 100, pongTimeoutMs: 20, stallTimeoutMs: 50, closeTimeoutMs: 30 };
const NOW_MS = 1000;

const QUIET: Times = {
  lastReadAtMs: NOW_MS,
  pingedAtMs: undefined,
  writingSinceMs: undefined,
  closingSinceMs: undefined,
  isHeldBack: false,
};

const CASES: readonly [name: string, times: Partial<Times>, due: Due][] = [
  ["a peer that has just spoken", {}, undefined],
  ["a peer that is silent for a while", { lastReadAtMs: 901 }, undefined],
  ["a peer that is silent for longer", { lastReadAtMs: 900 }, "ping"],
  ["a ping that may still be answered", { lastReadAtMs: 0, pingedAtMs: 981 }, undefined],
  ["a ping that was not answered", { lastReadAtMs: 0, pingedAtMs: 980 }, "unanswered ping"],
  ["a write that takes a while", { lastReadAtMs: 0, writingSinceMs: 951 }, undefined],
  ["a write that is stuck", { writingSinceMs: 950 }, "stalled reader"],
  ["a sender that is held back", { lastReadAtMs: 0, isHeldBack: true }, undefined],
  [
    "a sender that is held back and does not read",
    { isHeldBack: true, writingSinceMs: 0 },
    "stalled reader",
  ],
  ["a close that may still be answered", { closingSinceMs: 971, writingSinceMs: 0 }, undefined],
  ["a close that was not answered", { closingSinceMs: 970 }, "unanswered close"],
];

for (const [name, times, due] of CASES) {
  Deno.test(`whatIsDue() says ${due ?? "nothing"} to ${name}`, () => {
    assertEquals(whatIsDue({ ...QUIET, ...times }, NOW_MS, OPTIONS), due);
  });
}

Deno.test("whatIsDue() says nothing where every deadline is disabled", () => {
  const disabled = { pingIntervalMs: 0, pongTimeoutMs: 0, stallTimeoutMs: 0, closeTimeoutMs: 0 };
  for (const [, times] of CASES) {
    assertEquals(whatIsDue({ ...QUIET, ...times }, NOW_MS, disabled), undefined);
  }
});

Deno.test("beatMs() is a quarter of the shortest deadline, from 10 ms to 1 s, whatever else the options hold", () => {
  const more = { isSomething: true, maxSomething: 1 };
  assertEquals(beatMs({ ...OPTIONS, pongTimeoutMs: 0, ...more }), 10);
  assertEquals(
    beatMs({ ...OPTIONS, pongTimeoutMs: 400, stallTimeoutMs: 0, closeTimeoutMs: 800, ...more }),
    25,
  );
  const disabled = { pingIntervalMs: 0, pongTimeoutMs: 0, stallTimeoutMs: 0, closeTimeoutMs: 0 };
  assertEquals(beatMs({ ...disabled, ...more }), 1000);
});
