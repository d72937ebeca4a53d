import { errorMessage } from "../../cli/error_message.ts";

/** A file cannot be written. */
export class OutputFileError extends Error {
  override readonly name = "OutputFileError";
}

/** A file to write at the end of a run. */
export interface OutputFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Checks that a file can be written, so that a long run does not fail at its end. It creates a
 * missing file, and does not change an existing one.
 *
 * @throws {OutputFileError} If the file cannot be written.
 */
export function checkWritable(path: string): void {
  attempt(path, () => Deno.openSync(path, { write: true, create: true }).close());
}

/**
 * Writes a file.
 *
 * @throws {OutputFileError} If the file cannot be written.
 */
export function writeOutput({ path, text }: OutputFile): void {
  attempt(path, () => Deno.writeTextFileSync(path, text));
}

function attempt(path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new OutputFileError(`Cannot write ${path}: ${errorMessage(cause)}`, { cause });
  }
}
