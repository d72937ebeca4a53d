/** The file of `--data` cannot be used. The message is one line that says what to do about it. */
export class DataFileError extends Error {
  override readonly name = "DataFileError";

  constructor(path: string, cause: unknown) {
    super(`Cannot store messages in --data ${path}: ${dataFileReason(cause)}`, { cause });
  }
}

/** The reason if the files beside the data file cannot be created or written. */
export const COMPANIONS_REASON =
  "this user may not create or write the files beside it, such as FILE-wal and FILE.lock; change " +
  "the permissions of its folder and of these files";

const PERMISSION_REASON =
  "this user may not read and write it; change its permissions, or choose another file";

/** Reasons by the code of an error of Deno. */
const SYSTEM_REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist; create the folder",
  ENOTDIR: "a part of its path is a file, not a folder; choose another path",
  EISDIR: "it is a folder; choose a file in it",
  ENAMETOOLONG: "its name is too long; choose a shorter one",
  EACCES: PERMISSION_REASON,
  EPERM: PERMISSION_REASON,
  EROFS: "its file system is read-only; choose a file elsewhere",
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  ELOOP: "its symbolic links lead to themselves; choose another file",
};

/** Reasons by the message of SQLite, as not every error of `node:sqlite` has a code. */
const SQLITE_REASONS: Readonly<Record<string, string>> = {
  "database is locked": "another program has it locked; stop that program",
  "attempt to write a readonly database": COMPANIONS_REASON,
  "unable to open database file": COMPANIONS_REASON,
  "database or disk is full": "the disk is full; free some space",
  "disk I/O error": "the disk is full or fails; free some space, or choose another disk",
  "database disk image is malformed": "it is damaged; restore a backup, or choose another file",
  "file is not a database": "it is not an SQLite database; choose another file",
};

/** Explains why a data file cannot be opened, and what to do about it. */
export function dataFileReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `Deno does not allow it (${error.message}); choose another file, or start Deno with ` +
      "--allow-read and --allow-write for its folder";
  }
  const message = error instanceof Error ? error.message : String(error);
  // SQLite may add the path.
  return SYSTEM_REASONS[(error as { code?: string }).code ?? ""] ??
    SQLITE_REASONS[message.split(":")[0]!] ?? message;
}
