/** A file that was to be written cannot be. */
export class OutputFileError extends Error {
  override readonly name = "OutputFileError";
}

/** A file to write at the end of a run. */
export interface OutputFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Makes sure that a file can be written, before a run that takes long. An existing one stays as it is.
 *
 * @throws {OutputFileError} If it cannot.
 */
export function checkWritable(path: string): void {
  attempt(path, () => Deno.openSync(path, { write: true, create: true }).close());
}

/**
 * Writes a file.
 *
 * @throws {OutputFileError} If it cannot be written.
 */
export function writeOutput({ path, text }: OutputFile): void {
  attempt(path, () => Deno.writeTextFileSync(path, text));
}

function attempt(path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutputFileError(`Cannot write ${path}: ${reason}`, { cause });
  }
}
