const encoder = new TextEncoder();

/**
 * Writes a text to a standard stream.
 *
 * @returns False if nobody reads it any more. `console.log` does not tell.
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

/** Prints a line on standard output. @returns False if nobody reads it any more. */
export function printLine(line: string): boolean {
  return writeText(Deno.stdout, `${line}\n`);
}
