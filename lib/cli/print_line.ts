const encoder = new TextEncoder();

/**
 * Writes a text to a standard stream. Unlike `console.log`, it notices when the reader is gone.
 *
 * @returns False if the reader has closed the stream.
 * @throws If the write fails for another reason.
 */
export function writeText(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
): boolean {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}

/** Prints a line on standard output. @returns False if its reader has closed it. */
export function printLine(line: string): boolean {
  return writeText(Deno.stdout, `${line}\n`);
}
