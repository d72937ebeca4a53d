import { assertEquals } from "@std/assert";
import { firstSeqOf, type Flush, type FlushMessage, lastSeqOf } from "../../lib/cluster/flush.ts";
import { RecentFlushes } from "../../lib/cluster/recent_flushes.ts";
import { OPCODE } from "../../lib/websocket/frame.ts";

const ANN = { id: "ann", name: null };

/** A flush whose messages have these ids. */
function flushOf(streamSeq: number, ids: readonly (string | undefined)[], more = {}): Flush {
  const base = { opcode: OPCODE.text, payload: new Uint8Array(1), author: ANN, atMs: 0 };
  const messages = ids.map((id, index): FlushMessage => (
    { ...base, seq: firstSeqOf(streamSeq) + index, id }
  ));
  const head = { epoch: "e", node: "n", number: streamSeq, after: 0, tail: 0 };
  return { ...head, streamSeq, atMs: 0, messages, byteCount: 100, ...more };
}

function duplicatesOf({ messages }: Flush): (number | undefined)[] {
  return messages.map(({ duplicateOf }) => duplicateOf);
}

Deno.test("RecentFlushes marks ids that the publisher had not received", () => {
  const recent = new RecentFlushes(0);
  const first = flushOf(1, ["a", "a", undefined]);
  recent.append(first);
  assertEquals(duplicatesOf(first), [undefined, firstSeqOf(1), undefined]);
  const unaware = flushOf(2, ["b", "a"]);
  recent.append(unaware);
  assertEquals(duplicatesOf(unaware), [undefined, firstSeqOf(1)]);
  // The room of its publisher has compared it with the first flush already.
  const aware = flushOf(3, ["a", "b"], { after: lastSeqOf(first) });
  recent.append(aware);
  assertEquals(duplicatesOf(aware), [firstSeqOf(2) + 1, firstSeqOf(2)]);
});

Deno.test("RecentFlushes marks like a search in all flushes", () => {
  const recent = new RecentFlushes(0);
  const all: Flush[] = [];
  for (let index = 1; index <= 2000; index++) {
    const ids = Array.from({ length: 1 + index % 3 }, () => {
      const id = Math.floor(30 * Math.random());
      return id < 10 ? undefined : String(id);
    });
    const seen = all.at(-1 - Math.floor(6 * Math.random()));
    const atMs = 300 * index;
    const flush = flushOf(index, ids, { atMs, after: seen ? lastSeqOf(seen) : 0 });
    const isCovered = recent.covers(flush);
    const between = [...all, flush].flatMap(({ messages }) => messages)
      .filter(({ seq }) => seq > flush.after);
    recent.append(
      flush,
      isCovered ? undefined : all.filter((each) => lastSeqOf(each) > flush.after),
    );
    for (const { id, seq, duplicateOf } of flush.messages) {
      const found = id && between.find((each) => each.id === id && each.seq < seq);
      assertEquals(duplicateOf, found ? found.seq : undefined);
    }
    all.push(flush);
  }
});

Deno.test("RecentFlushes forgets what is older than two minutes and not in the tail", () => {
  const recent = new RecentFlushes(0);
  for (let index = 1; index <= 300; index++) {
    recent.append(flushOf(index, ["a"], { atMs: 1000 * index, after: firstSeqOf(index) - 1 }));
  }
  assertEquals(recent.tail, 180);
  const covers = (ids: (string | undefined)[], after: number) =>
    recent.covers(flushOf(301, ids, { after }));
  assertEquals(covers(["a"], firstSeqOf(170)), false);
  assertEquals(covers([undefined], firstSeqOf(170)), true);
  assertEquals(covers(["a"], firstSeqOf(180)), true);
  // The last 100 messages stay.
  recent.append(flushOf(301, ["a"], { atMs: 1e6, after: firstSeqOf(300) }));
  assertEquals(recent.tail, 202);
  assertEquals(covers(["a"], firstSeqOf(202)), true);
});

Deno.test("RecentFlushes starts over after a deletion", () => {
  const recent = new RecentFlushes(0);
  recent.append(flushOf(1, ["a"]));
  const deletion = flushOf(2, [undefined], { isDeletion: true, after: firstSeqOf(1) });
  recent.append(deletion);
  assertEquals(duplicatesOf(deletion), [firstSeqOf(2)]);
  assertEquals(recent.tail, 2);
  const flush = flushOf(3, ["a"], { after: firstSeqOf(1) });
  recent.append(flush);
  assertEquals(duplicatesOf(flush), [undefined]);
});

Deno.test("RecentFlushes marks ids that came while a message waited at its publisher", () => {
  const recent = new RecentFlushes(0);
  recent.append(flushOf(1, ["a"]));
  recent.append(flushOf(2, ["b"]));
  const waited = flushOf(3, ["a", "b"], { after: firstSeqOf(2) });
  recent.append({ ...waited, comparedUpTo: firstSeqOf(1) });
  assertEquals(duplicatesOf(waited), [undefined, firstSeqOf(2)]);
});
