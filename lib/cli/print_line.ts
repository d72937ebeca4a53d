const encoder = new TextEncoder();

/**
 * Prints a line on standard output.
 *
 * @returns False if nobody reads it any more. `console.log` does not tell.
 */
export function printLine(line: string): boolean {
  const bytes = encoder.encode(`${line}\n`);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw error;
  }
}
