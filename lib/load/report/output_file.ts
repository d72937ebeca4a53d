import { writeFailure } from "../../cli/write_failure.ts";

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
 * Checks that files can be written, so that a long run does not fail at its end. It creates
 * missing files, and does not change existing ones.
 *
 * @param paths The files. An empty path stands for no file.
 * @returns Disposing it removes those of the created files that are still empty.
 * @throws {OutputFileError} If a file cannot be written. Then none is created.
 */
export function checkWritable(paths: readonly string[]): Disposable {
  using created = new DisposableStack();
  for (const path of paths.filter((path) => path !== "")) {
    attempt(path, () => {
      if (createFile(path)) created.defer(() => removeIfEmpty(path));
      else Deno.openSync(path, { write: true, create: true }).close();
    });
  }
  return created.move();
}

/**
 * Writes a file.
 *
 * @throws {OutputFileError} If the file cannot be written.
 */
export function writeOutput({ path, text }: OutputFile): void {
  attempt(path, () => Deno.writeTextFileSync(path, text));
}

/** Returns false if something with this path exists already. */
function createFile(path: string): boolean {
  try {
    Deno.openSync(path, { write: true, createNew: true }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

function removeIfEmpty(path: string): void {
  try {
    if (Deno.statSync(path).size === 0) Deno.removeSync(path);
  } catch (error) {
    // Somebody else has removed it.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function attempt(path: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new OutputFileError(`Cannot write ${path}: ${writeFailure(cause)}`, { cause });
  }
}
