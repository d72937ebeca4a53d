import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { Committer } from "../../../lib/chat/history/committer.ts";
import type { Message } from "../../../lib/chat/message.ts";
import { RoomHistory, type RoomHistoryOptions } from "../../../lib/chat/history/room_history.ts";
import { SqliteHistory } from "../../../lib/history/sqlite_history.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

const ANN = { id: "019b0000-0000-7000-8000-00000000000a", name: "Ann" };
const BOB = { id: "019b0000-0000-7000-8000-00000000000b", name: null };
const NOBODY = { id: null, name: "a script" };
const EPOCH = "0123456789abcdef";

const encoder = new TextEncoder();

/** What a test may ask for. */
type Bounds = Partial<Pick<RoomHistoryOptions, "historyMessages" | "historyAgeMs">>;

/** The history of a room, and the time it lives in. */
interface TestHistory {
  readonly history: RoomHistory;
  /** The time, which a test sets. */
  readonly clock: { nowMs: number };
  /** Says something, a little later than what was said before. Returns its number. */
  say(text: string | Uint8Array, author?: Message["author"], id?: string): number;
  /** Resolves when all is as safe as it gets. */
  settled(): Promise<void>;
}

type Kind = (bounds: Bounds, use: (history: TestHistory) => Promise<void>) => Promise<void>;

function testHistory(options: RoomHistoryOptions, clock: { nowMs: number }): TestHistory {
  const history = new RoomHistory("tea", options);
  return {
    history,
    clock,
    say: (text, author = ANN, id) => {
      const isText = typeof text === "string";
      const bytes = isText ? encoder.encode(text) : text;
      const opcode = isText ? OPCODE.text : OPCODE.binary;
      history.append(opcode, bytes, 0, bytes.length, { author, atMs: clock.nowMs++ });
      if (id !== undefined) history.setId(author, id);
      return history.headSeq;
    },
    settled: async () => await options.durable?.committer.settled(),
  };
}

function optionsOf(bounds: Bounds, clock: { nowMs: number }, retentionBytes: number) {
  return {
    log: { retentionBytes, budget: AMPLE_BUDGET },
    durable: undefined,
    historyMessages: 0,
    historyAgeMs: 0,
    onHistoryFault: (error: unknown) => {
      throw error;
    },
    onCommitted: () => {},
    now: () => clock.nowMs,
    ...bounds,
  };
}

/** Opens a file, for one test or a part of it. */
async function withFile(
  path: string,
  bounds: Bounds,
  use: (history: TestHistory) => Promise<void>,
): Promise<void> {
  const clock = { nowMs: Date.now() };
  const options = optionsOf(bounds, clock, 64 * 1024);
  const { historyMessages, historyAgeMs } = options;
  await using history = await SqliteHistory.open({
    path,
    durability: "process",
    historyMessages,
    historyAgeMs,
  });
  const committer = new Committer<RoomHistory>(history, {
    defer: setImmediate,
    startTimer: setTimeout,
    onFault: options.onHistoryFault,
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

/** What a room remembers is the same, wherever it is. In the second, memory holds but the last few kilobytes. */
const KINDS: Readonly<Record<string, Kind>> = {
  "in memory": async (bounds, use) => {
    const clock = { nowMs: Date.now() };
    await use(testHistory(optionsOf(bounds, clock, 10_000_000), clock));
  },
  "in SQLite": (bounds, use) => withTempFile((path) => withFile(path, bounds, use)),
};

/** Says so much that memory cannot hold it if it is short; a part at a time, as it must be kept first. */
async function sayMany(test: TestHistory, count: number): Promise<void> {
  for (let number = 1; number <= count; number++) {
    test.say(`${number} ${"x".repeat(1000)}`, number % 3 === 0 ? BOB : ANN, `id ${number}`);
    if (number % 20 === 0) await test.settled();
  }
  await test.settled();
}

function numbersOf(messages: readonly Message[]): number[] {
  return messages.map(({ number }) => number);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

for (const [kind, using_] of Object.entries(KINDS)) {
  Deno.test(`${kind}: a message comes back as it was said`, () =>
    using_({}, async (test) => {
      const atMs = test.clock.nowMs;
      test.say("\uFEFFhi é\0😀");
      test.say("", BOB);
      test.say(Uint8Array.of(0, 255), NOBODY);
      test.say("\0");
      await test.settled();
      // What was said before is behind so much else that memory may have dropped it.
      await sayMany(test, 200);
      assertEquals(test.history.read(0, 4, Infinity), [
        { number: 1, author: ANN, atMs, body: "\uFEFFhi é\0😀" },
        { number: 2, author: BOB, atMs: atMs + 1, body: "" },
        { number: 3, author: NOBODY, atMs: atMs + 2, body: Uint8Array.of(0, 255) },
        { number: 4, author: ANN, atMs: atMs + 3, body: "\0" },
      ]);
    }));

  Deno.test(`${kind}: pages are in order, without a hole, and end where the messages do`, () =>
    using_({}, async (test) => {
      await sayMany(test, 500);
      const { history } = test;
      for (const limit of [1, 7, 100, 1000]) {
        const numbers: number[] = [];
        for (let page; (page = history.read(numbers.length, limit, Infinity)).length > 0;) {
          assert(page.length <= limit);
          numbers.push(...numbersOf(page));
        }
        assertEquals(numbers, range(1, 500));
      }
      assertEquals(history.read(500, 10, Infinity), []);
    }));

  Deno.test(`${kind}: a page is no longer than may be, but for its last message, and never empty`, () =>
    using_({}, async (test) => {
      await sayMany(test, 300);
      const { history } = test;
      for (const maxLength of [1, 1000, 1500, 50_000, 250_000]) {
        for (let after = 0; after < 300;) {
          const page = history.read(after, 1000, maxLength);
          assertEquals(numbersOf(page), range(after + 1, after + page.length));
          const length = page.slice(0, -1).reduce((sum, { body }) => sum + body.length, 0);
          assert(page.length > 0 && length < maxLength);
          after += page.length;
          assert(after === 300 || length + page.at(-1)!.body.length >= maxLength);
        }
      }
    }));

  Deno.test(`${kind}: a position is good for as long as what is behind it is kept`, () =>
    using_({}, async (test) => {
      const { history } = test;
      const first = history.positionOf(0);
      await sayMany(test, 500);
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

  Deno.test(`${kind}: the last messages are as many as are wanted, or there are`, () =>
    using_({}, async (test) => {
      assertEquals(test.history.replayStart({ last: 10 }), { after: 0, isRecovered: false });
      await sayMany(test, 300);
      const { history } = test;
      for (const [last, after] of [[0, 300], [1, 299], [250, 50], [300, 0], [301, 0]] as const) {
        assertEquals(history.replayStart({ last }), { after, isRecovered: false });
      }
      assertEquals(history.replayStart({}), { after: 300, isRecovered: false });
    }));

  Deno.test(`${kind}: no more messages are there than may be`, () =>
    using_({ historyMessages: 100 }, async (test) => {
      const { history } = test;
      const since = history.positionOf(0);
      await sayMany(test, 100);
      assertEquals(history.replayStart({ since }), { after: 0, isRecovered: true });
      await sayMany(test, 250);
      assertEquals(history.replayStart({ since }), {
        after: 250,
        isRecovered: false,
        gap: { after: since, missedCount: 250, reason: "expired" },
      });
      assertEquals(numbersOf(history.read(250, 1000, Infinity)), range(251, 350));
      assertEquals(history.replayStart({ last: 1000 }).after, 250);
    }));

  Deno.test(`${kind}: no older messages are there than may be`, () =>
    using_({ historyAgeMs: 60_000 }, async (test) => {
      const { history, clock } = test;
      const since = history.positionOf(0);
      // The first are older than the later ones by half a minute, and memory may not hold them.
      clock.nowMs -= 30_000;
      await sayMany(test, 1500);
      clock.nowMs += 30_000;
      await sayMany(test, 1500);
      assertEquals(history.replayStart({ since }), { after: 0, isRecovered: true });
      clock.nowMs += 30_000;
      const { after, isRecovered, gap } = history.replayStart({ since });
      assertEquals([after, isRecovered, gap!.reason], [1500, false, "expired"]);
      assertEquals(numbersOf(history.read(1500, 2000, Infinity)), range(1501, 3000));
      clock.nowMs += 60_000;
      assertEquals(history.replayStart({ since }).after, 3000);
    }));

  Deno.test(`${kind}: an id is its author's`, () =>
    using_({}, async (test) => {
      const { history } = test;
      assertEquals(history.numberOf(ANN, "c1"), undefined);
      const byAnn = test.say("one", ANN, "c1");
      const byBob = test.say("two", BOB, "c1");
      const byNobody = test.say("three", NOBODY, "c1");
      const check = () =>
        assertEquals([ANN, BOB, NOBODY].map((author) => history.numberOf(author, "c1")), [
          byAnn,
          byBob,
          byNobody,
        ]);
      check();
      await test.settled();
      await sayMany(test, 300);
      check();
      assertEquals(history.numberOf({ ...ANN, name: "Anna" }, "c1"), byAnn);
      assertEquals(history.numberOf(ANN, "c2"), undefined);
    }));

  Deno.test(`${kind}: who waits for messages to be kept is told when they are`, () =>
    using_({}, async (test) => {
      const { history } = test;
      const number = test.say("one");
      if (history.committedSeq < number) {
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
      assertEquals(history.committedSeq, number);
    }));
}

Deno.test("in SQLite: a room goes on where it was, and old positions stay good", () =>
  withTempFile(async (path) => {
    const positions: string[] = [];
    for (let run = 0; run < 3; run++) {
      await withFile(path, { historyAgeMs: 60_000 }, async (test) => {
        const { history } = test;
        assertEquals(history.headSeq, 100 * run);
        assertEquals(history.replayStart({ last: 1000 }), { after: 0, isRecovered: false });
        for (const [index, since] of positions.entries()) {
          assertEquals(history.replayStart({ since }), {
            after: 100 * index + 50,
            isRecovered: true,
          });
        }
        await sayMany(test, 100);
        positions.push(history.positionOf(100 * run + 50));
        // What a reader has heard of that was never kept is not what is said by that number later.
        const lost = history.positionOf(100 * run + 101);
        positions.forEach((since) => assertEquals(history.positionOf(numberIn(since)), since));
        assertEquals(history.replayStart({ since: lost }).isRecovered, false);
      });
    }
  }));

function numberIn(position: string): number {
  return Number(position.split("-")[1]);
}
