import type { HelpTopic } from "../cli/flags/flag.ts";
import { groupedHelpText } from "../cli/flags/help.ts";
import { CLIENT_FLAG_GROUPS } from "./config.ts";

/** What `--help` of the client prints. */
export function clientHelpText(topic: HelpTopic): string {
  return groupedHelpText(CLIENT_FLAG_GROUPS, {
    summary: "Simulates users of a broadcast chat server; with --rate, measures the server.",
    usage: "deno task client --count 9 [flags], or deno task client report FILE [flags]",
    hasEnvironment: false,
  }, topic);
}
