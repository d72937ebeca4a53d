import { isMissing } from "../../missing_program.ts";

const PROMTOOL_PATH = "/usr/bin/promtool";

/** Whether to skip tests with promtool. */
export const isPromtoolMissing = await isMissing({
  path: PROMTOOL_PATH,
  debianPackage: "prometheus",
});

/** Runs promtool. Returns what it complains about; "" if nothing. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const process = new Deno.Command(PROMTOOL_PATH, {
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
