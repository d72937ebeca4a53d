import { assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { awaitDataFile, lockDataFile, unlockDataFile } from "../../lib/history/data_file.ts";
import { DataFileError } from "../../lib/history/data_file_error.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";

/** Opens a history; returns it, or the message of the error. */
async function open(path: string): Promise<SqliteHistory | string> {
  try {
    return await SqliteHistory.open({
      path,
      durability: "process",
      historyMessages: 0,
      ageLimit: { deletableRange: ANY_AGE },
      onError: (error) => {
        throw error;
      },
    });
  } catch (error) {
    if (!(error instanceof DataFileError)) throw error;
    return error.message;
  }
}

async function run(command: string, ...args: string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args }).output();
  assertEquals(success, true);
}

/** Paths that cannot be used: what is made at the path of a folder, and the reason. */
const CASES: Readonly<
  Record<string, [make: (path: string) => unknown, reason: string, suffix?: string]>
> = {
  "a folder": [Deno.mkdir, "it is a folder; choose a file in it"],
  "in a missing folder": [() => {}, "its folder does not exist; create the folder", "/chat.db"],
  "below a file": [
    (path) => Deno.writeTextFile(path, ""),
    "a part of its path is a file, not a folder; choose another path",
    "/chat.db",
  ],
  "a pipe": [(path) => run("mkfifo", path), "it is a pipe or a device; choose a regular file"],
  "a device": [
    (path) => Deno.symlink("/dev/null", path),
    "it is a pipe or a device; choose a regular file",
  ],
  "a link to nowhere": [
    (path) => Deno.symlink(`${path}.nowhere`, path),
    "it is a link to a file that does not exist; create that file, or its folder",
  ],
  "a circle of links": [
    (path) => Deno.symlink(path, path),
    "its symbolic links lead to themselves; choose another file",
  ],
  "too long a name": [
    () => {},
    "its name is too long; choose a shorter one",
    "x".repeat(300),
  ],
  "a file with two names": [
    async (path) => {
      await Deno.writeTextFile(path, "");
      await Deno.link(path, `${path}.other`);
    },
    "the file has several names (hard links); make a copy of it, and use the copy",
  ],
  "a text file": [
    (path) => Deno.writeTextFile(path, "precious ".repeat(1000)),
    "it is not an SQLite database; choose another file",
  ],
  "a short text file": [
    (path) => Deno.writeTextFile(path, "hi"),
    "it is not an SQLite database; choose another file",
  ],
  "the database of another program": [
    (path) => execute(path, "CREATE TABLE precious (a)"),
    "it is the database of another program; choose another file",
  ],
  "the database of a newer Chorus": [
    async (path) => {
      await close(await open(path));
      execute(path, "PRAGMA user_version = 99");
    },
    "it was written by a newer Chorus (schema 99, this one supports up to 3); update Chorus, or " +
    "choose another file",
  ],
  "a database that is cut off": [
    async (path) => {
      await close(await open(path));
      await Deno.truncate(path, 4096);
    },
    "it is damaged; restore a backup, or choose another file",
  ],
};

function execute(path: string, sql: string): void {
  using database = new DatabaseSync(path);
  database.exec(sql);
}

/** The bytes of a regular file; undefined for anything else. */
async function contentOf(path: string): Promise<Uint8Array | undefined> {
  const isFile = await Deno.stat(path).then((info) => info.isFile, () => false);
  return isFile ? await Deno.readFile(path) : undefined;
}

async function close(history: SqliteHistory | string): Promise<void> {
  if (typeof history === "string") throw new Error(history);
  await history[Symbol.asyncDispose]();
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  // Its name once made an error of the host name of this one.
  const folder = await Deno.makeTempDir({ prefix: "username" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [what, [make, reason, suffix = ""]] of Object.entries(CASES)) {
  Deno.test(`opening ${what} fails with the reason and advice, and leaves it as it is`, () =>
    withFolder(async (folder) => {
      await make(`${folder}/at`);
      const path = `${folder}/at${suffix}`;
      const before = await contentOf(path);
      // The second time shows that the first has left nothing locked.
      for (let count = 0; count < 2; count++) {
        assertEquals(await open(path), `Cannot store messages in --data ${path}: ${reason}`);
      }
      assertEquals(await contentOf(path), before);
    }));
}

const IN_USE = "another server uses it; stop that server, or choose another file";

Deno.test("a file in use is refused by every name that leads to it, until it is closed", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    await Deno.writeTextFile(path, "");
    await Deno.symlink(path, `${folder}/link.db`);
    await Deno.symlink(folder, `${folder}/self`);
    const first = await open(`${folder}/link.db`);
    for (const name of ["chat.db", "link.db", "./chat.db", "self/chat.db", "self/link.db"]) {
      assertStringIncludes(String(await open(`${folder}/${name}`)), IN_USE);
    }
    await close(first);
    await close(await open(path));
  }));

Deno.test("a file that an earlier version of Chorus uses is refused", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    await close(await open(path));
    using old = await Deno.open(path, { read: true, write: true });
    await old.lock(true);
    assertStringIncludes(String(await open(path)), IN_USE);
    await old.unlock();
    await close(await open(path));
  }));

Deno.test("an empty file is used", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/chat.db`, "");
    await close(await open(`${folder}/chat.db`));
  }));

Deno.test("a file that another program writes to can be opened once the program is done", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    using database = new DatabaseSync(path);
    database.exec("CREATE TABLE a (a); DROP TABLE a; BEGIN EXCLUSIVE");
    assertStringIncludes(
      String(await open(path)),
      "another program has it locked; stop that program",
    );
    database.exec("ROLLBACK");
    await close(await open(path));
  }));

Deno.test("unlockDataFile() lets the next server lock the file, and the lock file stays", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    for (let count = 0; count < 2; count++) await unlockDataFile(await lockDataFile(path));
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
    assertEquals(names, ["chat.db", "chat.db.lock"]);
  }));

Deno.test("awaitDataFile() locks the file once the other server has ended", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    const locked = await lockDataFile(path);
    let waitCount = 0;
    const waiting = Promise.withResolvers<void>();
    const next = awaitDataFile(path, {
      waitMs: 3_600_000,
      onWait: () => {
        waitCount++;
        waiting.resolve();
      },
    });
    await waiting.promise;
    await unlockDataFile(locked);
    await unlockDataFile(await next);
    assertEquals(waitCount, 1);
  }));

Deno.test("awaitDataFile() gives up after the time, and at once if the file cannot be used", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    const locked = await lockDataFile(path);
    const attempt = (at: string, waitMs: number) =>
      awaitDataFile(at, { waitMs, onWait: () => {} }).catch((error) => error.message);
    assertStringIncludes(await attempt(path, 10), "another server uses it");
    await unlockDataFile(locked);
    assertStringIncludes(await attempt(folder, 3_600_000), "it is a folder");
  }));

Deno.test({
  name: "without Deno's permission to write, the error names it",
  permissions: { read: true, write: false },
  fn: async () => {
    assertStringIncludes(
      String(await open("/tmp/chat.db")),
      "Deno does not allow it (Requires write access to",
    );
  },
});
