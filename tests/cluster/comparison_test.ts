import { assertEquals } from "@std/assert";
import { compareRoom, type UserRecord } from "./comparison.ts";

const HISTORY = ["a-0", "b-0", "a-1"].map((text, index) => ({ position: `e-${index + 1}`, text }));

const [A0, B0, A1] = HISTORY as [typeof HISTORY[0], typeof HISTORY[0], typeof HISTORY[0]];

/** A user without messages of its own that got everything. */
const READER: UserRecord = {
  name: "c",
  echo: false,
  deliveries: HISTORY,
  acks: new Map(),
  refusedCount: 0,
};

/** What compareRoom() counts: lost, doubled, misordered, other histories. */
function countsOf(user: Partial<UserRecord>, ...histories: (typeof HISTORY)[]): number[] {
  const named = [HISTORY, ...histories].map((history, index) => [`n${index}`, history] as const);
  const result = compareRoom([{ ...READER, ...user }], new Map(named));
  const { lostCount, doubledCount, misorderedCount, otherHistoryCount } = result;
  return [lostCount, doubledCount, misorderedCount, otherHistoryCount];
}

Deno.test("compareRoom finds nothing wrong with what everybody got", () => {
  assertEquals(countsOf({}, HISTORY), [0, 0, 0, 0]);
  const acks = new Map([["b-0", { position: "e-2" }]]);
  assertEquals(countsOf({ name: "b", deliveries: [A0, A1], acks }), [0, 0, 0, 0]);
});

Deno.test("compareRoom counts messages that a user did not get, or that are not stored", () => {
  assertEquals(countsOf({ deliveries: [A0, A1] }), [1, 0, 0, 0]);
  assertEquals(countsOf({ acks: new Map([["c-0", { position: "e-4" }]]) }), [1, 0, 0, 0]);
  assertEquals(countsOf({ acks: new Map([["a-0", { position: "e-2" }]]) }), [1, 0, 0, 0]);
});

Deno.test("compareRoom counts messages that a user got twice", () => {
  assertEquals(countsOf({ deliveries: [A0, B0, B0, A1] }), [0, 1, 0, 0]);
});

Deno.test("compareRoom counts messages in another order, or at another position", () => {
  assertEquals(countsOf({ deliveries: [B0, A0, A1] }), [0, 0, 1, 0]);
  assertEquals(countsOf({ deliveries: [A0, { ...B0, position: "e-9" }, A1] }), [0, 0, 1, 0]);
});

Deno.test("compareRoom counts servers with another history", () => {
  assertEquals(countsOf({}, HISTORY, [A0, B0], [A0, A1, B0]), [0, 0, 0, 2]);
});

Deno.test("compareRoom counts what is wrong with the history itself", () => {
  const twice = [A0, B0, { ...A0, position: "e-3" }];
  const { doubledCount } = compareRoom([], new Map([["n", twice]]));
  const { misorderedCount } = compareRoom([], new Map([["n", [B0, A0]]]));
  assertEquals([doubledCount, misorderedCount], [1, 1]);
});
