import { assert, assertEquals } from "@std/assert";
import type { Author } from "../../../lib/chat/message.ts";
import { firstSeqOf, type Flush } from "../../../lib/cluster/stream/flush.ts";
import { RecentFlushes } from "../../../lib/cluster/stream/recent_flushes.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { ANN } from "../test_room.ts";

const BOB: Author = { id: null, name: "Bob" };

/** Makes a flush with messages that have these ids, or with so many messages without ids. */
function flushOf(
  streamSeq: number,
  messages: number | readonly (string | undefined)[],
  options: { after?: number; atMs?: number; byteCount?: number; author?: Author } = {},
): Flush {
  const { after = 0, atMs = 0, byteCount = 100, author = ANN } = options;
  const ids = typeof messages === "number" ? Array(messages).fill(undefined) : messages;
  return {
    ...{ epoch: "e", node: "n", number: 1, tail: 0, streamSeq, after, atMs, byteCount },
    messages: ids.map((id, index) => ({
      ...{ seq: firstSeqOf(streamSeq) + index, author, atMs, id },
      ...{ opcode: OPCODE.text, payload: new Uint8Array(0) },
    })),
  };
}

function duplicatesOf({ messages }: Flush): (number | undefined)[] {
  return messages.map(({ duplicateOf }) => duplicateOf);
}

const MINUTE_MS = 60_000;

Deno.test("RecentFlushes starts the tail where the newest hundred messages start", () => {
  const recent = new RecentFlushes(0);
  assertEquals(recent.tail, 0);
  for (let seq = 1; seq <= 30; seq++) recent.append(flushOf(seq, 10, { atMs: seq * MINUTE_MS }));
  assertEquals(recent.tail, 21);
  recent.append(flushOf(31, 99, { atMs: 31 * MINUTE_MS }));
  assertEquals(recent.tail, 29);
});

Deno.test("RecentFlushes has the messages of two minutes in the tail, up to its limits", () => {
  const recent = new RecentFlushes(0);
  for (let seq = 1; seq <= 30; seq++) recent.append(flushOf(seq, 10, { atMs: seq * 10_000 }));
  assertEquals(recent.tail, 18);
  for (let seq = 31; seq <= 40; seq++) recent.append(flushOf(seq, 4000, { atMs: 300_000 }));
  assertEquals(recent.tail, 39);
  recent.append(flushOf(41, 200, { atMs: 300_000, byteCount: 1024 ** 2 }));
  assertEquals(recent.tail, 41);
});

Deno.test("RecentFlushes marks ids in the flushes that the publisher had not received", () => {
  const recent = new RecentFlushes(0);
  recent.append(flushOf(1, ["a", "b"]));
  recent.append(flushOf(2, ["c", undefined, "a"], { after: firstSeqOf(1) + 1 }));
  const late = flushOf(3, ["a", "b", "c", "d", "d"], { after: firstSeqOf(1) + 1 });
  recent.append(late);
  const second = firstSeqOf(2);
  assertEquals(
    duplicatesOf(late),
    [second + 2, undefined, second, undefined, firstSeqOf(3) + 3],
  );
  const other = flushOf(4, ["a"], { author: BOB });
  recent.append(other);
  assertEquals(duplicatesOf(other), [undefined]);
});

Deno.test("RecentFlushes marks ids in the flushes that it is given", () => {
  const recent = new RecentFlushes(firstSeqOf(5) - 1);
  const flush = flushOf(5, ["a", "b"], { after: 1 });
  assert(!recent.covers(flush));
  recent.append(flush, [flushOf(2, ["b"]), flushOf(3, ["b"])]);
  assertEquals(duplicatesOf(flush), [undefined, firstSeqOf(2)]);
});

Deno.test("RecentFlushes covers flushes whose publisher had received what it has forgotten", () => {
  const recent = new RecentFlushes(0);
  for (let seq = 1; seq <= 20; seq++) {
    recent.append(flushOf(seq, ["a"].concat(Array(99).fill(undefined)), { atMs: seq * MINUTE_MS }));
  }
  const ids = ["a"];
  assert(recent.covers(flushOf(21, ids, { after: firstSeqOf(18) })));
  assert(!recent.covers(flushOf(21, ids, { after: firstSeqOf(10) })));
  assert(recent.covers(flushOf(21, 1, { after: 0 })));
});

Deno.test("RecentFlushes marks ids that came while a message waited at its publisher", () => {
  const recent = new RecentFlushes(0);
  recent.append(flushOf(1, ["a"]));
  recent.append(flushOf(2, ["b"]));
  const waited = flushOf(3, ["a", "b"], { after: firstSeqOf(2) });
  recent.append({ ...waited, comparedUpTo: firstSeqOf(1) });
  assertEquals(duplicatesOf(waited), [undefined, firstSeqOf(2)]);
});

Deno.test("RecentFlushes.nextAfter() knows what came after a flush of the tail", () => {
  const recent = new RecentFlushes(0);
  for (const seq of [3, 5, 8]) recent.append(flushOf(seq, 2));
  const next = [0, firstSeqOf(3), firstSeqOf(3) + 1, firstSeqOf(3) + 2, firstSeqOf(4)]
    .concat(firstSeqOf(5) + 1, firstSeqOf(8)).map((seq) => recent.nextAfter(seq));
  assertEquals(next, [undefined, 5, 5, undefined, undefined, 8, undefined]);
});

Deno.test("RecentFlushes.seqOf() finds the first message with an id, until a deletion", () => {
  const recent = new RecentFlushes(0);
  recent.append(flushOf(1, ["a", "b"]));
  recent.append(flushOf(2, ["b"]));
  const seqs = () => ["a", "b", "c"].map((id) => recent.seqOf(ANN, id));
  assertEquals(seqs(), [firstSeqOf(1), firstSeqOf(1) + 1, undefined]);
  assertEquals(recent.seqOf(BOB, "a"), undefined);
  recent.append({ ...flushOf(3, 1), isDeletion: true });
  assertEquals(seqs(), [undefined, undefined, undefined]);
});
