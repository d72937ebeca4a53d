import { assertEquals } from "@std/assert";
import {
  type Due,
  Heartbeat,
  heartbeatIntervalMs,
  type Times,
  whatIsDue,
} from "../../lib/websocket/heartbeat.ts";
import { ManualChecks } from "../socket/manual_checks.ts";

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
  ["a peer that has just sent something", {}, undefined],
  ["a peer that has been silent for a while", { lastReadAtMs: 901 }, undefined],
  ["a peer that has been silent for too long", { lastReadAtMs: 900 }, "ping"],
  ["a ping that is still in time to be answered", { lastReadAtMs: 0, pingedAtMs: 981 }, undefined],
  ["a ping that was not answered in time", { lastReadAtMs: 0, pingedAtMs: 980 }, "unanswered ping"],
  [
    "a write that has been under way for a while",
    { lastReadAtMs: 0, writingSinceMs: 951 },
    undefined,
  ],
  ["a write that has made no progress for too long", { writingSinceMs: 950 }, "stalled reader"],
  ["a connection that is held back", { lastReadAtMs: 0, isHeldBack: true }, undefined],
  [
    "a connection that is held back and whose peer does not read",
    { isHeldBack: true, writingSinceMs: 0 },
    "stalled reader",
  ],
  [
    "a close frame that is still in time to be answered",
    { closingSinceMs: 971, writingSinceMs: 0 },
    undefined,
  ],
  ["a close frame that was not answered in time", { closingSinceMs: 970 }, "unanswered close"],
];

for (const [name, times, due] of CASES) {
  Deno.test(`whatIsDue() returns ${due ?? "nothing"} for ${name}`, () => {
    assertEquals(whatIsDue({ ...QUIET, ...times }, NOW_MS, OPTIONS), due);
  });
}

Deno.test("whatIsDue() returns nothing if every deadline is disabled", () => {
  const disabled = { pingIntervalMs: 0, pongTimeoutMs: 0, stallTimeoutMs: 0, closeTimeoutMs: 0 };
  for (const [, times] of CASES) {
    assertEquals(whatIsDue({ ...QUIET, ...times }, NOW_MS, disabled), undefined);
  }
});

Deno.test("heartbeatIntervalMs() returns a quarter of the shortest deadline, within 10 ms and 1 s", () => {
  const more = { isSomething: true, maxSomething: 1 };
  assertEquals(heartbeatIntervalMs({ ...OPTIONS, pongTimeoutMs: 0, ...more }), 10);
  assertEquals(
    heartbeatIntervalMs({
      ...OPTIONS,
      pongTimeoutMs: 400,
      stallTimeoutMs: 0,
      closeTimeoutMs: 800,
      ...more,
    }),
    25,
  );
  const disabled = { pingIntervalMs: 0, pongTimeoutMs: 0, stallTimeoutMs: 0, closeTimeoutMs: 0 };
  assertEquals(heartbeatIntervalMs({ ...disabled, ...more }), 1000);
});

Deno.test("Heartbeat leaves out the first check after a pause, and then enforces deadlines", () => {
  using checks = new ManualChecks();
  const clock = { nowMs: 0 };
  using heartbeat = new Heartbeat({ ...OPTIONS, pongTimeoutMs: 1000 }, clock);
  const reasons: string[] = [];
  heartbeat.add({
    ...{ ...QUIET, lastReadAtMs: 0, pingedAtMs: 0 },
    ping: () => {},
    destroy: ({ reason }) => reasons.push(reason),
  });
  const checkAt = (nowMs: number) => {
    clock.nowMs = nowMs;
    checks.check();
    return reasons;
  };
  assertEquals(checkAt(10), []);
  // What the peer has sent during the pause has not been read yet.
  assertEquals(checkAt(5000), []);
  assertEquals(checkAt(5010), ["unanswered ping"]);
});
