import { assertEquals } from "@std/assert";
import { packBodies } from "../../lib/chat/history/packed_bodies.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";
import { SqliteWriter } from "../../lib/history/sqlite_writer.ts";
import { startSqliteWorker } from "../../lib/history/writer_thread.ts";

/** A batch of one message, the first of its room. */
function batchOf(room: string) {
  return {
    room,
    epoch: { name: "0123456789abcdef", after: 0 },
    firstSeq: 1,
    bodies: packBodies(encodeFrames(["hi"]), 1),
    authorSpans: [{ firstSeq: 1, author: { id: null, name: null }, atMs: 0 }],
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
      ageLimit: { deletableFromMs: 0 },
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
        get deletableFromMs() {
          tidied.resolve();
          return 1;
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
