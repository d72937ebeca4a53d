/** A program that some tests need. */
export interface NeededProgram {
  readonly path: string;
  /** The Debian package with it. */
  readonly debianPackage: string;
}

/**
 * Whether to skip tests, because their program is missing. Prints a warning if so.
 *
 * @throws {Error} With CI=true, if the program is missing.
 */
export async function isMissing({ path, debianPackage }: NeededProgram): Promise<boolean> {
  try {
    await Deno.stat(path);
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    const howToInstall = `${path} is missing: install it with \`apt-get install ${debianPackage}\``;
    if (Deno.env.get("CI") === "true") throw new Error(howToInstall);
    console.error(`\n*** TESTS SKIPPED: ${howToInstall} ***\n`);
    return true;
  }
}
