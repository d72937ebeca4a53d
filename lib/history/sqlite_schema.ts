import type { DatabaseSync } from "node:sqlite";

/** "Chrs": how a file tells that it is one of ours. */
const APPLICATION_ID = 0x43687273;

/** Each brings a file from the version that is its index to the next. */
const MIGRATIONS = [
  `
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    -- the number of the newest message that was kept, also when it has been trimmed since
    head INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE epochs (
    room INTEGER NOT NULL,
    -- the number of the last message before it
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
];

/**
 * Brings a file to the present schema.
 *
 * @throws {Error} If the file belongs to another program, or to a newer Chorus. It is left as it is.
 */
export function migrate(database: DatabaseSync): void {
  const version = pragma(database, "user_version");
  const applicationId = pragma(database, "application_id");
  const isEmpty = database.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (applicationId !== APPLICATION_ID && !isEmpty) {
    throw new Error("it is the database of another program");
  }
  if (version > MIGRATIONS.length) {
    throw new Error(
      `it was written by a newer Chorus: its schema is ${version}, and this one knows ${MIGRATIONS.length}`,
    );
  }
  if (version === MIGRATIONS.length) return;
  database.exec("BEGIN IMMEDIATE");
  for (const step of MIGRATIONS.slice(version)) database.exec(step);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec("COMMIT");
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
}
