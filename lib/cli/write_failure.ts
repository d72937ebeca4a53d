import { readFailure } from "./read_failure.ts";

const PERMISSION_REASON = "this user may not write it";

/** Reasons by the code of an error of Deno, where they differ from those for reading. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "its folder does not exist",
  EACCES: PERMISSION_REASON,
  EPERM: PERMISSION_REASON,
  EROFS: "its file system is read-only",
  ENOSPC: "its file system is full",
};

/** Explains in a few words why a file cannot be written. Leaves out its path. */
export function writeFailure(error: unknown): string {
  return REASONS[(error as { code?: string }).code ?? ""] ?? readFailure(error);
}
