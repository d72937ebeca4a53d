import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { ChatCounters } from "../../../lib/chat/counters.ts";
import { ANY_AGE } from "../../../lib/chat/history/age_range.ts";
import { Committer } from "../../../lib/chat/history/committer.ts";
import type { Message } from "../../../lib/chat/message.ts";
import { LocalHistory, type LocalHistoryOptions } from "../../../lib/chat/history/local_history.ts";
import { SqliteHistory } from "../../../lib/history/sqlite_history.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

const ANN = { id: "019b0000-0000-7000-8000-00000000000a", name: "Ann" };
const BOB = { id: "019b0000-0000-7000-8000-00000000000b", name: null };
const ANONYMOUS = { id: null, name: "a script" };
const EPOCH = "0123456789abcdef";

const encoder = new TextEncoder();

/** The bounds that a test sets. */
interface Bounds {
  readonly historyMessages?: number;
  readonly historyAgeMs?: number;
}

/** The history of a room, and its clock. */
interface TestHistory {
  readonly history: LocalHistory;
  /** The time, set by the test. */
  readonly clock: { nowMs: number };
  /** Publishes a message one millisecond after the last. Returns its sequence number. */
  publish(text: string | Uint8Array, author?: Message["author"], id?: string): number;
  /** Resolves when every message is committed. */
  settled(): Promise<void>;
}

/** Reads messages after a sequence number. */
function read(history: LocalHistory, after: number, limit: number, maxLength: number): Message[] {
  const { messages } = history.readPage({ after, upTo: history.headSeq }, limit, maxLength);
  return [...messages];
}

type Kind = (bounds: Bounds, use: (history: TestHistory) => Promise<void>) => Promise<void>;

function testHistory(options: LocalHistoryOptions, clock: { nowMs: number }): TestHistory {
  const history = new LocalHistory("tea", options);
  return {
    history,
    clock,
    publish: (text, author = ANN, id) => {
      const isText = typeof text === "string";
      const bytes = isText ? encoder.encode(text) : text;
      const opcode = isText ? OPCODE.text : OPCODE.binary;
      history.append(opcode, bytes, 0, bytes.length, author, clock.nowMs++);
      if (id !== undefined) history.setId(author, id);
      return history.headSeq;
    },
    settled: async () => await options.durable?.committer.settled(),
  };
}

function optionsOf(
  { historyMessages = 0, historyAgeMs = Infinity }: Bounds,
  clock: { readonly nowMs: number },
  retentionBytes: number,
) {
  return {
    log: { retentionBytes, budget: AMPLE_BUDGET },
    durable: undefined,
    historyMessages,
    ageLimit: {
      get range() {
        return { fromMs: clock.nowMs - historyAgeMs, nowMs: clock.nowMs };
      },
    },
    onCommitted: () => {},
  };
}

/** Opens a file for a test, or for a part of it. */
async function withFile(
  path: string,
  bounds: Bounds,
  use: (history: TestHistory) => Promise<void>,
): Promise<void> {
  const clock = { nowMs: Date.now() };
  const options = optionsOf(bounds, clock, 64 * 1024);
  const onError = (error: unknown) => {
    throw error;
  };
  await using history = await SqliteHistory.open({
    path,
    durability: "process",
    historyMessages: options.historyMessages,
    ageLimit: { deletableRange: ANY_AGE },
    onError,
  });
  const committer = new Committer(history, {
    counters: new ChatCounters(() => 0),
    deferTurn: setImmediate,
    startTimer: setTimeout,
    onError,
  });
  const test = testHistory({ ...options, durable: { history, committer } }, clock);
  await use(test);
  await test.settled();
}

async function withTempFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(`${folder}/chat.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The contract holds for both. In SQLite, memory retains only the last few kilobytes. */
const KINDS: Readonly<Record<string, Kind>> = {
  "in memory": async (bounds, use) => {
    const clock = { nowMs: Date.now() };
    await use(testHistory(optionsOf(bounds, clock, 10_000_000), clock));
  },
  "in SQLite": (bounds, use) => withTempFile((path) => withFile(path, bounds, use)),
};

/** Publishes more than a short memory retains, and commits every twenty messages. */
async function publishMany(test: TestHistory, count: number): Promise<void> {
  for (let seq = 1; seq <= count; seq++) {
    test.publish(`${seq} ${"x".repeat(1000)}`, seq % 3 === 0 ? BOB : ANN, `id ${seq}`);
    if (seq % 20 === 0) await test.settled();
  }
  await test.settled();
}

function seqsOf(messages: readonly Message[]): number[] {
  return messages.map(({ seq }) => seq);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

for (const [kind, using_] of Object.entries(KINDS)) {
  Deno.test(`${kind}: read() returns messages as they were published`, () =>
    using_({}, async (test) => {
      const atMs = test.clock.nowMs;
      test.publish("\uFEFFhi é\0😀");
      test.publish("", BOB);
      test.publish(Uint8Array.of(0, 255), ANONYMOUS);
      test.publish("\0");
      await test.settled();
      // So many messages follow that memory may have dropped the first ones.
      await publishMany(test, 200);
      assertEquals(read(test.history, 0, 4, Infinity), [
        { seq: 1, author: ANN, atMs, body: "\uFEFFhi é\0😀" },
        { seq: 2, author: BOB, atMs: atMs + 1, body: "" },
        { seq: 3, author: ANONYMOUS, atMs: atMs + 2, body: Uint8Array.of(0, 255) },
        { seq: 4, author: ANN, atMs: atMs + 3, body: "\0" },
      ]);
    }));

  Deno.test(`${kind}: read() pages through all messages in order and without a gap`, () =>
    using_({}, async (test) => {
      await publishMany(test, 500);
      const { history } = test;
      for (const limit of [1, 7, 100, 1000]) {
        const seqs: number[] = [];
        for (let page; (page = read(history, seqs.length, limit, Infinity)).length > 0;) {
          assert(page.length <= limit);
          seqs.push(...seqsOf(page));
        }
        assertEquals(seqs, range(1, 500));
      }
      assertEquals(read(history, 500, 10, Infinity), []);
    }));

  Deno.test(`${kind}: read() exceeds maxLength by its last message at most and returns at least one`, () =>
    using_({}, async (test) => {
      await publishMany(test, 300);
      const { history } = test;
      for (const maxLength of [1, 1000, 1500, 50_000, 250_000]) {
        for (let after = 0; after < 300;) {
          const page = read(history, after, 1000, maxLength);
          assertEquals(seqsOf(page), range(after + 1, after + page.length));
          const length = page.slice(0, -1).reduce((sum, { body }) => sum + body.length, 0);
          assert(page.length > 0 && length < maxLength);
          after += page.length;
          assert(after === 300 || length + page.at(-1)!.body.length >= maxLength);
        }
      }
    }));

  Deno.test(`${kind}: readBefore() pages back through all messages in order and without a gap`, () =>
    using_({}, async (test) => {
      await publishMany(test, 500);
      const { history } = test;
      for (const limit of [1, 7, 100, 1000]) {
        const pages: number[][] = [];
        for (let upTo = 500;;) {
          const page = seqsOf(history.readBefore(upTo, { limit, maxLength: Infinity }));
          if (page.length === 0) break;
          assertEquals(page.length, Math.min(limit, upTo));
          pages.unshift(page);
          upTo = page[0]! - 1;
        }
        assertEquals(pages.flat(), range(1, 500));
      }
      const [message] = history.readBefore(300, { limit: 1, maxLength: Infinity });
      assertEquals(message, read(history, 299, 1, Infinity)[0]);
      assertEquals(history.readBefore(0, { limit: 1, maxLength: Infinity }), []);
    }));

  Deno.test(`${kind}: readBefore() exceeds maxLength by its oldest message at most and returns at least one`, () =>
    using_({}, async (test) => {
      await publishMany(test, 300);
      const { history } = test;
      for (const maxLength of [1, 1000, 1500, 50_000, 250_000]) {
        for (let upTo = 300; upTo > 0;) {
          const page = history.readBefore(upTo, { limit: 1000, maxLength });
          assertEquals(seqsOf(page), range(upTo - page.length + 1, upTo));
          const length = page.slice(1).reduce((sum, { body }) => sum + body.length, 0);
          assert(page.length > 0 && length < maxLength);
          upTo -= page.length;
          assert(upTo === 0 || length + page[0]!.body.length >= maxLength);
        }
      }
    }));

  Deno.test(`${kind}: replayStart() recovers from every position that the room has had`, () =>
    using_({}, async (test) => {
      const { history } = test;
      const first = history.positionOf(0);
      await publishMany(test, 500);
      assertEquals(history.replayStart({ since: first }), { after: 0, isRecovered: true });
      const since = history.positionOf(321);
      assertEquals(history.replayStart({ since }), { after: 321, isRecovered: true });
      const head = history.positionOf(500);
      assertEquals(history.replayStart({ since: head }), { after: 500, isRecovered: true });
      const epoch = head.split("-")[0];
      for (
        const unknown of [
          `${epoch}-501`,
          `${epoch}--1`,
          `${epoch}-01`,
          `${epoch}`,
          "",
          `${EPOCH}-3`,
        ]
      ) {
        assertEquals(history.replayStart({ since: unknown }), {
          after: 0,
          isRecovered: false,
          gap: { after: unknown, missedCount: 0, reason: "unknown position" },
        });
      }
    }));

  Deno.test(`${kind}: replayStart() starts before the last messages`, () =>
    using_({}, async (test) => {
      assertEquals(test.history.replayStart({ last: 10 }), { after: 0, isRecovered: false });
      await publishMany(test, 300);
      const { history } = test;
      for (const [last, after] of [[0, 300], [1, 299], [250, 50], [300, 0], [301, 0]] as const) {
        assertEquals(history.replayStart({ last }), { after, isRecovered: false });
      }
      assertEquals(history.replayStart({}), { after: 300, isRecovered: false });
    }));

  Deno.test(`${kind}: historyMessages limits the number of messages`, () =>
    using_({ historyMessages: 100 }, async (test) => {
      const { history } = test;
      const since = history.positionOf(0);
      await publishMany(test, 100);
      assertEquals(history.replayStart({ since }), { after: 0, isRecovered: true });
      await publishMany(test, 250);
      assertEquals(history.replayStart({ since }), {
        after: 250,
        isRecovered: false,
        gap: { after: since, missedCount: 250, reason: "expired" },
      });
      assertEquals(seqsOf(read(history, 250, 1000, Infinity)), range(251, 350));
      assertEquals(history.replayStart({ last: 1000 }).after, 250);
      const bounds = { limit: 1000, maxLength: Infinity };
      assertEquals(seqsOf(history.readBefore(350, bounds)), range(251, 350));
      assertEquals(history.readBefore(250, bounds), []);
    }));

  Deno.test(`${kind}: historyAgeMs limits the age of messages`, () =>
    using_({ historyAgeMs: 60_000 }, async (test) => {
      const { history, clock } = test;
      const since = history.positionOf(0);
      // The first half is older by half a minute, and memory may have dropped it.
      clock.nowMs -= 30_000;
      await publishMany(test, 1500);
      clock.nowMs += 30_000;
      await publishMany(test, 1500);
      assertEquals(history.replayStart({ since }), { after: 0, isRecovered: true });
      clock.nowMs += 30_000;
      const { after, isRecovered, gap } = history.replayStart({ since });
      assertEquals([after, isRecovered, gap!.reason], [1500, false, "expired"]);
      assertEquals(seqsOf(read(history, 1500, 2000, Infinity)), range(1501, 3000));
      clock.nowMs += 60_000;
      assertEquals(history.replayStart({ since }).after, 3000);
    }));

  Deno.test(`${kind}: a message from the future is hidden when a later one is old`, () =>
    using_({ historyAgeMs: 60_000 }, async (test) => {
      const { history, clock } = test;
      const after = () => history.replayStart({ last: 10_000 }).after;
      clock.nowMs += 600_000;
      test.publish("from the future");
      clock.nowMs -= 600_000;
      await publishMany(test, 100);
      clock.nowMs += 30_000;
      // The memory of a history in SQLite has dropped the first message meanwhile.
      await publishMany(test, 1000);
      assertEquals(after(), 0);
      clock.nowMs += 30_000;
      assertEquals(after(), 101);
      clock.nowMs += 60_000;
      assertEquals(after(), 1101);
    }));

  Deno.test(`${kind}: a message is served while an earlier one is fresh, even from a clock behind`, () =>
    using_({ historyAgeMs: 60_000 }, async (test) => {
      const { history, clock } = test;
      test.publish("fresh");
      clock.nowMs -= 90_000;
      test.publish("from a clock that is behind");
      await publishMany(test, 100);
      clock.nowMs += 90_000;
      assertEquals(history.replayStart({ last: 1000 }).after, 0);
    }));

  Deno.test(`${kind}: messageOf() tells the ids of authors apart`, () =>
    using_({}, async (test) => {
      const { history } = test;
      const atMs = test.clock.nowMs;
      assertEquals(history.messageOf(ANN, "c1"), undefined);
      const byAnn = test.publish("\uFEFFone\0 é", ANN, "c1");
      const byBob = test.publish("", BOB, "c1");
      const byNobody = test.publish("three", ANONYMOUS, "c1");
      const check = () =>
        assertEquals([ANN, BOB, ANONYMOUS].map((author) => history.messageOf(author, "c1")), [
          { seq: byAnn, author: ANN, atMs, body: "\uFEFFone\0 é" },
          { seq: byBob, author: BOB, atMs: atMs + 1, body: "" },
          { seq: byNobody, author: ANONYMOUS, atMs: atMs + 2, body: "three" },
        ]);
      check();
      await test.settled();
      await publishMany(test, 300);
      check();
      assertEquals(history.messageOf({ ...ANN, name: "Anna" }, "c1")?.seq, byAnn);
      assertEquals(history.messageOf(ANN, "c2"), undefined);
    }));

  Deno.test(`${kind}: awaitCommit() calls the listener when messages are committed`, () =>
    using_({}, async (test) => {
      const { history } = test;
      const seq = test.publish("one");
      if (history.committedSeq < seq) {
        await new Promise<void>((resolve) =>
          history.awaitCommit({
            onCommitted: () => {
              resolve();
              return false;
            },
            onCommitFailed: () => true,
          })
        );
      }
      assertEquals(history.committedSeq, seq);
    }));
}

Deno.test("in SQLite: a room continues after a restart, and old positions stay valid", () =>
  withTempFile(async (path) => {
    const positions: string[] = [];
    for (let restart = 0; restart < 3; restart++) {
      await withFile(path, { historyAgeMs: 60_000 }, async (test) => {
        const { history } = test;
        assertEquals(history.headSeq, 100 * restart);
        assertEquals(history.replayStart({ last: 1000 }), { after: 0, isRecovered: false });
        for (const [index, since] of positions.entries()) {
          assertEquals(history.replayStart({ since }), {
            after: 100 * index + 50,
            isRecovered: true,
          });
        }
        await publishMany(test, 100);
        positions.push(history.positionOf(100 * restart + 50));
        // A message that was never committed is not the one that has its sequence number later.
        const lost = history.positionOf(100 * restart + 101);
        positions.forEach((since) => assertEquals(history.positionOf(seqIn(since)), since));
        assertEquals(history.replayStart({ since: lost }).isRecovered, false);
      });
    }
  }));

function seqIn(position: string): number {
  return Number(position.split("-")[1]);
}
