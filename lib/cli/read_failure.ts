import { errorMessage } from "./error_message.ts";

const PERMISSION_REASON = "this user may not read it";

/** Reasons by the code of an error of Deno. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "a part of its path is a file, not a folder",
  EISDIR: "it is a folder",
  ENAMETOOLONG: "its name is too long",
  EACCES: PERMISSION_REASON,
  EPERM: PERMISSION_REASON,
  ELOOP: "its symbolic links lead to themselves",
};

/** Explains in a few words why a file cannot be read. Leaves out its path. */
export function readFailure(error: unknown): string {
  return REASONS[(error as { code?: string }).code ?? ""] ?? errorMessage(error);
}
