import { configText } from "../cli/flags/config_text.ts";
import type { ParsedFlags } from "../cli/flags/flags.ts";
import { groupedHelpText, type HelpFrame } from "../cli/flags/help.ts";
import { versionText } from "../cli/version.ts";
import { SERVER_FLAG_GROUPS, SERVER_FLAGS } from "./config.ts";

const HELP: HelpFrame = {
  summary: "Chorus, a broadcast chat server: each message goes to every other client in its room.",
  usage: "deno task server [flags]",
  hasEnvironment: true,
};

/**
 * Returns what `--help`, `--version`, or `--check-config` prints instead of starting the server.
 * Undefined without such a flag. With faults, `--check-config` has nothing to print.
 */
export function commandText(
  { config, sources, faults }: ParsedFlags<typeof SERVER_FLAGS>,
): string | undefined {
  if (config.help) return groupedHelpText(SERVER_FLAG_GROUPS, HELP, config.help);
  if (config.version) return versionText();
  if (config.checkConfig && faults.length === 0) {
    return configText(SERVER_FLAGS, { config, sources });
  }
  return undefined;
}
