const HOW_TO_INSTALL = "promtool is missing: install it with `apt-get install prometheus`";

/**
 * Whether to skip the tests with promtool. Prints a warning if so; with CI=true, throws instead.
 */
export const isPromtoolMissing = await (async () => {
  try {
    await new Deno.Command("promtool", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return false;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    if (Deno.env.get("CI") === "true") throw new Error(HOW_TO_INSTALL);
    console.error(`\n*** TESTS WITH PROMTOOL SKIPPED: ${HOW_TO_INSTALL} ***\n`);
    return true;
  }
})();

/** Runs promtool. Returns what it complains about; "" if nothing. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const process = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const texts = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  // `check rules` also prints how many rules there are.
  return code === 0 ? texts[1]! : texts.join("\n");
}
