import { assertEquals } from "@std/assert";
import { PendingMessages } from "../../../../lib/load/users/chorus_v1/pending_messages.ts";

function pendingOf(count: number): PendingMessages {
  const pending = new PendingMessages();
  for (let seq = 0; seq < count; seq++) pending.add({ seq, plannedUs: 10 * seq, lateUs: seq });
  return pending;
}

Deno.test("PendingMessages.take() returns each message once", () => {
  const pending = pendingOf(3);
  assertEquals(pending.take(1), { seq: 1, plannedUs: 10, lateUs: 1 });
  for (const seq of [1, 3, -1, 1e6, NaN]) assertEquals(pending.take(seq), undefined);
  assertEquals([...pending].map(({ seq }) => seq), [0, 2]);
  assertEquals(pending.count, 2);
});

Deno.test("PendingMessages grows, and iterates in the order of sending", () => {
  const pending = pendingOf(1000);
  for (let seq = 0; seq < 1000; seq += 2) pending.take(seq);
  assertEquals([...pending].length, 500);
  assertEquals([...pending][0], { seq: 1, plannedUs: 10, lateUs: 1 });
  assertEquals([...pending].at(-1), { seq: 999, plannedUs: 9990, lateUs: 999 });
});

Deno.test("PendingMessages forgets the oldest of more than 65,536 messages, but counts them", () => {
  const pending = pendingOf(65_536 + 3);
  assertEquals([pending.count, pending.forgottenCount, [...pending].length], [65_539, 3, 65_536]);
  assertEquals(pending.take(3), { seq: 3, plannedUs: 30, lateUs: 3 });
  assertEquals([pending.take(3), pending.take(-1)], [undefined, undefined]);
  for (const seq of [0, 2, 1]) assertEquals(pending.take(seq), { seq });
  assertEquals(pending.take(0), undefined);
  assertEquals([pending.count, pending.forgottenCount, [...pending].length], [65_535, 0, 65_535]);
});

Deno.test("PendingMessages forgets no message that has its answer", () => {
  const pending = pendingOf(65_536);
  for (const seq of [1, 2]) pending.take(seq);
  for (const seq of [65_536, 65_537, 65_538]) pending.add({ seq, plannedUs: 0, lateUs: 0 });
  assertEquals([pending.count, pending.forgottenCount, [...pending][0]?.seq], [65_537, 1, 3]);
});

Deno.test("PendingMessages stays small if each message is answered", () => {
  const pending = new PendingMessages();
  for (let seq = 0; seq < 200_000; seq++) {
    pending.add({ seq, plannedUs: 0, lateUs: 0 });
    pending.take(seq);
  }
  assertEquals([pending.count, [...pending]], [0, []]);
});
