/** The file of `--data` cannot be used. The message is one line that says what to do about it. */
export class DataFileError extends Error {
  override readonly name = "DataFileError";

  constructor(path: string, cause: unknown) {
    super(`Cannot store messages in --data ${path}: ${dataFileReason(cause)}`, { cause });
  }
}

/** The reason if the files beside the data file cannot be created. */
export const FOLDER_REASON = "this user may not create files in its folder, which SQLite has to " +
  "do; change the permissions of the folder, or choose another file";

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

/** Reasons by the primary result code of SQLite. */
const SQLITE_REASONS: Readonly<Record<number, string>> = {
  5: "another program has it locked; stop that program",
  8: FOLDER_REASON,
  11: "it is damaged; restore a backup, or choose another file",
  13: "the disk is full; free some space",
  14: FOLDER_REASON,
  26: "it is not an SQLite database; choose another file",
};

/** Explains why a data file cannot be opened, and what to do about it. */
export function dataFileReason(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `start Deno with --allow-read and --allow-write for its folder (${error.message})`;
  }
  const { code = "", errcode = 0 } = error as { code?: string; errcode?: number };
  const message = error instanceof Error ? error.message : String(error);
  return SYSTEM_REASONS[code] ?? SQLITE_REASONS[errcode & 0xff] ?? message;
}
