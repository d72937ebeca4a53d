import { assertEquals } from "@std/assert";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { packBodies } from "../../lib/chat/history/packed_bodies.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";
import { SqliteWriter } from "../../lib/history/sqlite_writer.ts";
import { startSqliteWorker } from "../../lib/history/writer_thread.ts";

/** A batch of consecutive messages from these times. */
function batchOf(room: string, timesMs: readonly number[] = [0], firstSeq = 1) {
  return {
    room,
    epoch: { name: "0123456789abcdef", after: 0 },
    firstSeq,
    bodies: packBodies(encodeFrames(timesMs.map(() => "hi")), timesMs.length),
    authorSpans: timesMs.map((atMs, index) => ({
      firstSeq: firstSeq + index,
      author: { id: null, name: null },
      atMs,
    })),
    ids: [],
  };
}

/** Calls a function with options for a file in a folder of its own. */
async function withOptions(
  use: (options: Parameters<typeof SqliteHistory.open>[0]) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use({
      path: `${folder}/chat.db`,
      durability: "process",
      historyMessages: 0,
      ageLimit: { deletableRange: ANY_AGE },
      onError: (error) => {
        throw error;
      },
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a history commits what is under way when it closes and rejects later batches", () =>
  withOptions(async (options) => {
    const history = await SqliteHistory.open(options);
    const appended = ["tea", "milk"].map((room) => history.append([batchOf(room)]));
    const closed = history[Symbol.asyncDispose]();
    await Promise.all([...appended, closed]);
    const reason = await history.append([batchOf("sugar")]).catch((error) => error.message);
    assertEquals(reason, "it is closed");
    await using reopened = await SqliteHistory.open(options);
    assertEquals(reopened.rooms("", 10), [
      { room: "milk", seq: 1, epoch: "0123456789abcdef" },
      { room: "tea", seq: 1, epoch: "0123456789abcdef" },
    ]);
  }));

/** A worker that opens, and fails at the first append. */
function startFailingWorker(): Worker {
  const source = `self.onmessage = ({ data }) => {
    if (data.type === "append") throw new Error("out of memory");
    self.postMessage({ reason: undefined, hasMore: false });
  };`;
  return new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
}

Deno.test("a writer thread that fails is started again at the next append", () =>
  withOptions(async (options) => {
    // The file must exist before the failing worker pretends to open it.
    await (await SqliteHistory.open(options))[Symbol.asyncDispose]();
    let startCount = 0;
    // A request to tidy may fail as well.
    const tolerant = { ...options, onError: () => {} };
    await using history = await SqliteHistory.open(tolerant, () => {
      return ++startCount === 1 ? startFailingWorker() : startSqliteWorker();
    });
    const reason = await history.append([batchOf("tea")]).catch((error) => error.message);
    assertEquals(reason, "the writer thread failed: Uncaught Error: out of memory");
    await history.append([batchOf("tea")]);
    assertEquals([startCount, history.rooms("", 10).length], [2, 1]);
    assertEquals(history.read("tea", 0, 10).map(({ body }) => body), ["hi"]);
  }));

Deno.test("a batch that was committed although its answer was lost can be appended again", () =>
  withOptions(async (options) => {
    await using history = await SqliteHistory.open(options);
    {
      using writer = new SqliteWriter(options);
      writer.append([batchOf("tea")]);
    }
    await history.append([batchOf("tea")]);
    assertEquals(history.read("tea", 0, 10).map(({ seq, body }) => [seq, body]), [[1, "hi"]]);
  }));

Deno.test("a history tidies its file by itself, by the age that may be deleted", () =>
  withOptions(async (options) => {
    const tidied = Promise.withResolvers<void>();
    await using history = await SqliteHistory.open({
      ...options,
      ageLimit: {
        get deletableRange() {
          tidied.resolve();
          return { fromMs: 1, nowMs: 1 };
        },
      },
    });
    await history.append([batchOf("tea")]);
    await tidied.promise;
    // The thread has handled the request to tidy when it handles this one.
    await history.append([batchOf("milk")]);
    assertEquals(history.read("tea", 0, 10), []);
    assertEquals(history.read("milk", 0, 10).length, 1);
  }));

Deno.test("a history reports once that it cannot tidy", () =>
  withOptions(async (options) => {
    const failed = Promise.withResolvers<string>();
    await using _history = await SqliteHistory.open({
      ...options,
      onError: (error) => failed.resolve((error as Error).message),
    });
    await Deno.rename(options.path, `${options.path}.moved`);
    assertEquals(
      await failed.promise,
      `Cannot delete old messages from ${options.path}: ${options.path} was deleted while the ` +
        "server uses it; restart the server",
    );
  }));

/** Messages by their times, and the oldest that is served if those from 50 to 100 are fresh. */
const OLDEST: readonly (readonly [timesMs: readonly number[], oldestSeq: number | undefined])[] = [
  [[], undefined],
  [[10, 20], undefined],
  [[10, 50, 100], 2],
  [[101], 1],
  [[101, 10, 20], undefined],
  [[10, 101], 2],
  [[10, 101, 60], 2],
  [[101, 10, 102, 20, 103, 60, 30], 5],
  [[60, 10, 101, 20], 1],
  [[101, 60, 10], 1],
];

for (const [timesMs, oldestSeq] of OLDEST) {
  Deno.test(`oldestSeq() of messages from [${timesMs}], if 50 to 100 are fresh, is ${oldestSeq}`, () =>
    withOptions(async (options) => {
      await using history = await SqliteHistory.open(options);
      if (timesMs.length > 0) await history.append([batchOf("tea", timesMs)]);
      // Other rooms do not matter.
      await history.append([batchOf("milk", [60, 101, 10])]);
      const range = { fromMs: 50, nowMs: 100 };
      assertEquals(history.oldestSeq("tea", range), oldestSeq);
      assertEquals(history.oldestSeq("tea", ANY_AGE), timesMs.length > 0 ? 1 : undefined);
    }));
}

Deno.test("oldestSeq() follows the time and new messages after hundreds from the future", () =>
  withOptions(async (options) => {
    await using history = await SqliteHistory.open(options);
    const timesMs = Array.from({ length: 900 }, (_, index) => 1000 + index);
    await history.append([batchOf("tea", timesMs)]);
    const oldestSeq = (fromMs: number, nowMs: number) =>
      history.oldestSeq("tea", { fromMs, nowMs });
    assertEquals([oldestSeq(50, 100), oldestSeq(50, 100)], [1, 1]);
    await history.append([batchOf("tea", [60], 901)]);
    assertEquals([oldestSeq(50, 100), oldestSeq(61, 111)], [1, undefined]);
    await history.append([batchOf("tea", [90], 902)]);
    assertEquals([oldestSeq(50, 100), oldestSeq(61, 111)], [1, 902]);
    // Time has reached the first of them, so they are not from the future any more.
    assertEquals([oldestSeq(950, 1000), oldestSeq(1500, 2500)], [1, 501]);
  }));

Deno.test("deleteRoom() deletes the messages up to a sequence number, in a new epoch", () =>
  withOptions(async (options) => {
    await using history = await SqliteHistory.open(options);
    await history.append([batchOf("tea", new Array(2500).fill(0)), batchOf("milk")]);
    const before = history.epoch;
    await history.deleteRoom("tea", 2499);
    assertEquals(history.epoch === before, false);
    assertEquals(history.read("tea", 0, 10).map(({ seq }) => seq), [2500]);
    assertEquals(history.open("tea")?.headSeq, 2500);
    await history.deleteRoom("tea", 2500);
    assertEquals(history.open("tea"), undefined);
    assertEquals(history.rooms("", 10).map(({ room }) => room), ["milk"]);
    await history.deleteRoom("nowhere", 1);
  }));
