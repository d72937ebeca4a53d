import type { DatabaseSync } from "node:sqlite";

/** "Chrs" in the file's header marks a database of Chorus. */
const APPLICATION_ID = 0x43687273;

/** Each migrates a file from the version that is its index to the next. */
const MIGRATIONS = [
  `
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- the sequence number of the newest committed message, even if it has been trimmed since
    head INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE epochs (
    room INTEGER NOT NULL,
    -- the sequence number of the last message before the epoch
    after INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (room, name)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE messages (
    room INTEGER NOT NULL,
    number INTEGER NOT NULL,
    -- milliseconds since 1970
    at INTEGER NOT NULL,
    author TEXT,
    name TEXT,
    id TEXT,
    -- TEXT, or BLOB if it is binary
    body ANY NOT NULL,
    PRIMARY KEY (room, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_by_id ON messages (room, id) WHERE id IS NOT NULL;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO settings VALUES ('session key', randomblob(32));
`,
  `
  -- Many authors use the same ids, such as 1, 2, 3.
  DROP INDEX messages_by_id;
  CREATE INDEX messages_by_id ON messages (room, id, author) WHERE id IS NOT NULL;
`,
  "ALTER TABLE messages RENAME COLUMN number TO seq;",
];

/**
 * Migrates a file to the current schema.
 *
 * @throws {Error} If the file belongs to another program or to a newer Chorus. It is left as it is.
 */
export function migrate(database: DatabaseSync): void {
  const version = pragma(database, "user_version");
  const applicationId = pragma(database, "application_id");
  const isEmpty = database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (applicationId !== APPLICATION_ID && !isEmpty) {
    throw new Error("it is the database of another program; choose another file");
  }
  const latest = MIGRATIONS.length;
  if (version > latest) {
    throw new Error(
      `it was written by a newer Chorus (schema ${version}, this one supports up to ${latest}); ` +
        "update Chorus, or choose another file",
    );
  }
  if (version === latest) return;
  // A file that has tables stays as it is: only VACUUM could change it, which rewrites all of it.
  database.exec("PRAGMA auto_vacuum = INCREMENTAL");
  database.exec("BEGIN IMMEDIATE");
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${latest}`);
  database.exec("COMMIT");
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
}
