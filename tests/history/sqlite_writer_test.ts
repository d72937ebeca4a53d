import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import type { Batch } from "../../lib/chat/history/history.ts";
import { packBodies } from "../../lib/chat/history/packed_bodies.ts";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { SqliteWriter } from "../../lib/history/sqlite_writer.ts";

const MEGABYTE = 1024 ** 2;

/** A file in a folder of its own, and a connection that looks at it. */
class TestFile implements Disposable {
  readonly path = `${Deno.makeTempDirSync()}/chat.db`;

  /** Opens a writer that retains this many messages. Its clock passes a second at each call. */
  open(historyMessages = 0): SqliteWriter {
    let nowMs = 0;
    const { path } = this;
    return new SqliteWriter(
      { path, durability: "process", historyMessages },
      () => nowMs += 1000,
    );
  }

  size(suffix = ""): number {
    return Deno.statSync(this.path + suffix).size;
  }

  /** The sequence numbers of the stored messages, by room. */
  get seqs(): Record<string, number[]> {
    using database = new DatabaseSync(this.path, { readOnly: true });
    const rows = database.prepare(
      `SELECT rooms.name, group_concat(seq ORDER BY seq) AS seqs
      FROM rooms LEFT JOIN messages ON room = rooms.id GROUP BY rooms.id ORDER BY rooms.id`,
    ).all() as { name: string; seqs: string | null }[];
    return Object.fromEntries(
      rows.map(({ name, seqs }) => [name, seqs === null ? [] : seqs.split(",").map(Number)]),
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path.replace("/chat.db", ""), { recursive: true });
  }
}

/** A batch of consecutive messages, published at these times. */
function batchOf(room: string, timesMs: readonly number[], { firstSeq = 1, text = "hi" } = {}) {
  return {
    room,
    epoch: { name: "0123456789abcdef", after: 0 },
    firstSeq,
    bodies: packBodies(encodeFrames(timesMs.map(() => text)), timesMs.length),
    authorSpans: timesMs.map((atMs, index) => ({
      firstSeq: firstSeq + index,
      author: { id: null, name: null },
      atMs,
    })),
    ids: [],
  } satisfies Batch;
}

/** Times of this many messages. */
function times(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Takes steps until there is nothing to do. Returns their number. */
function tidyAll(writer: SqliteWriter, ageRange = ANY_AGE): number {
  let count = 1;
  while (writer.tidy(ageRange)) count++;
  return count;
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

Deno.test("tidy() deletes what a lower limit on messages leaves out, in every room, at rest", () => {
  using file = new TestFile();
  {
    using writer = file.open();
    writer.append([
      batchOf("tea", times(3000)),
      batchOf("milk", times(5)),
      batchOf("a", times(11)),
    ]);
  }
  using writer = file.open(10);
  tidyAll(writer);
  assertEquals(file.seqs, { tea: range(2991, 3000), milk: range(1, 5), a: range(2, 11) });
  assertEquals(tidyAll(writer), 1);
});

Deno.test("tidy() finds the messages to delete among hundreds of rooms", () => {
  using file = new TestFile();
  using writer = file.open();
  writer.append(times(250).map((room) => batchOf(`${room}`, [room, 1000])));
  tidyAll(writer, { fromMs: 249, nowMs: 1000 });
  const seqs = Object.values(file.seqs);
  assertEquals(seqs.map(({ length }) => length), times(250).map((room) => room < 249 ? 1 : 2));
});

Deno.test("tidy() without limits deletes nothing", () => {
  using file = new TestFile();
  using writer = file.open();
  writer.append([batchOf("tea", times(2000))]);
  tidyAll(writer);
  assertEquals(file.seqs, { tea: range(1, 2000) });
});

Deno.test("tidy() deletes old messages up to the first that is fresh, so without a gap", () => {
  using file = new TestFile();
  using writer = file.open();
  // The clock was behind after the third message of tea.
  writer.append([batchOf("tea", [10, 20, 90, 25, 30]), batchOf("milk", [90, 10])]);
  tidyAll(writer, { fromMs: 50, nowMs: 100 });
  assertEquals(file.seqs, { tea: [3, 4, 5], milk: [1, 2] });
  tidyAll(writer, { fromMs: 91, nowMs: 141 });
  assertEquals(file.seqs, { tea: [], milk: [] });
});

/** Messages by their times, and those that stay if messages from 50 to 100 are fresh. */
const TIDIED: readonly (readonly [timesMs: readonly number[], seqs: readonly number[]])[] = [
  [[101, 10, 20], []],
  [[10, 101], [2]],
  [[10, 101, 60], [2, 3]],
  [[101], [1]],
  [[101, 60, 10], [1, 2, 3]],
  [[60, 10, 101, 20], [1, 2, 3, 4]],
  [[101, 10, 102, 20, 103, 60, 30], [5, 6, 7]],
];

Deno.test("tidy() deletes a message from the future when a later one is old, and not before", () => {
  for (const [timesMs, seqs] of TIDIED) {
    using file = new TestFile();
    using writer = file.open();
    writer.append([batchOf("tea", timesMs), batchOf("milk", [10])]);
    tidyAll(writer);
    assertEquals(file.seqs, { tea: range(1, timesMs.length), milk: [1] });
    const ageRange = { fromMs: 50, nowMs: 100 };
    tidyAll(writer, ageRange);
    assertEquals(file.seqs, { tea: [...seqs], milk: [] }, `messages from ${timesMs}`);
    // It does not try again and again.
    assertEquals(tidyAll(writer, ageRange), 1);
  }
});

Deno.test("tidy() deletes hundreds of messages from the future, and old ones around them", () => {
  using file = new TestFile();
  using writer = file.open();
  const old = (count: number) => Array<number>(count).fill(10);
  const future = times(900).map((index) => 1000 + index);
  writer.append([
    batchOf("tea", [...old(150), ...future, 70, ...old(60), 70, ...old(300), 90]),
    batchOf("milk", future),
    batchOf("water", [...old(150), ...future, 70, 10]),
    // So many in a row are retained until their own time.
    batchOf("wine", [...times(1200).map((index) => 1000 + index), 10]),
  ]);
  const ageRange = { fromMs: 50, nowMs: 100 };
  tidyAll(writer, ageRange);
  const [tea, water, wine] = [1050 + 62 + 301, 1052, range(1, 1201)];
  assertEquals(file.seqs, {
    tea: range(151, tea),
    milk: range(1, 900),
    water: range(151, water),
    wine,
  });
  assertEquals(tidyAll(writer, ageRange), 1);
  tidyAll(writer, { fromMs: 71, nowMs: 121 });
  assertEquals(file.seqs, { tea: [tea], milk: range(1, 900), water: [], wine });
});

Deno.test("tidy() deletes by number what is from the future", () => {
  using file = new TestFile();
  using writer = file.open();
  writer.append([batchOf("tea", times(300).map((index) => 1000 + index))]);
  using limited = file.open(10);
  tidyAll(limited, { fromMs: 50, nowMs: 100 });
  assertEquals(file.seqs, { tea: range(291, 300) });
});

Deno.test("a room whose messages are all deleted still has its head and its epochs", () => {
  using file = new TestFile();
  using writer = file.open();
  writer.append([batchOf("tea", times(3))]);
  tidyAll(writer, { fromMs: 100, nowMs: 200 });
  using database = new DatabaseSync(file.path);
  const { head, name } = database.prepare(
    "SELECT head, epochs.name FROM rooms JOIN epochs ON room = id",
  ).get()!;
  assertEquals([head, name], [3, "0123456789abcdef"]);
});

Deno.test("tidy() gives the space of deleted messages back, and empties the WAL", () => {
  using file = new TestFile();
  {
    using writer = file.open();
    for (const index of times(300)) {
      const options = { firstSeq: 100 * index + 1, text: "x".repeat(1000) };
      writer.append([batchOf("tea", times(100), options)]);
    }
    tidyAll(writer);
    assert(file.size() > 30 * MEGABYTE);
    assertEquals(file.size("-wal"), 0);
  }
  using writer = file.open(10);
  const stepCount = tidyAll(writer);
  // It shrinks by at most one megabyte in a step.
  assert(stepCount > 30, `${stepCount} steps`);
  assert(file.size() < 0.1 * MEGABYTE, `${file.size()} bytes`);
  assertEquals(file.size("-wal"), 0);
});

Deno.test("the WAL is emptied when no other program reads the file any more", () => {
  using file = new TestFile();
  using writer = file.open();
  using reader = new DatabaseSync(file.path, { readOnly: true });
  writer.append([batchOf("tea", times(100))]);
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM messages").get();
  writer.append([batchOf("milk", times(100))]);
  tidyAll(writer);
  assert(file.size("-wal") > 0);
  reader.exec("COMMIT");
  tidyAll(writer);
  assertEquals(file.size("-wal"), 0);
});

Deno.test("tidy() trims a file without auto_vacuum too, which keeps its size", () => {
  using file = new TestFile();
  {
    using database = new DatabaseSync(file.path);
    database.exec("CREATE TABLE first (a); DROP TABLE first");
  }
  {
    using writer = file.open();
    writer.append([batchOf("tea", times(3000))]);
  }
  const size = file.size();
  using writer = file.open(10);
  tidyAll(writer);
  assertEquals(file.seqs, { tea: range(2991, 3000) });
  assertEquals(file.size(), size);
});

for (const suffix of ["", "-wal"]) {
  Deno.test(`a writer refuses to write after chat.db${suffix} was deleted or replaced`, () => {
    using file = new TestFile();
    using writer = file.open();
    const path = file.path + suffix;
    writer.append([batchOf("tea", [1])]);
    Deno.renameSync(path, `${file.path}.moved`);
    const { message } = assertThrows(() => writer.append([batchOf("milk", [1])]), Error);
    assertEquals(
      message,
      `${path} was deleted while the server uses it; restart the server`,
    );
    Deno.writeTextFileSync(path, "");
    for (const write of [() => writer.tidy(ANY_AGE), () => writer.append([batchOf("milk", [1])])]) {
      assertStringIncludes(assertThrows(write, Error).message, `${path} was replaced while`);
    }
    Deno.renameSync(`${file.path}.moved`, path);
    writer.append([batchOf("milk", [1])]);
    assertEquals(file.seqs, { tea: [1], milk: [1] });
  });
}

Deno.test("a writer goes on without its lock file, but not if there is another one", () => {
  using file = new TestFile();
  const path = `${file.path}.lock`;
  Deno.writeTextFileSync(path, "");
  using writer = file.open();
  Deno.renameSync(path, `${file.path}.moved`);
  writer.append([batchOf("tea", [1])]);
  Deno.writeTextFileSync(path, "");
  const { message } = assertThrows(() => writer.append([batchOf("milk", [1])]), Error);
  assertStringIncludes(message, "chat.db.lock was replaced");
  assertEquals(file.seqs, { tea: [1] });
});
