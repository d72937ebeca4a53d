import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { parseFlags } from "./lib/cli/flags/flags.ts";
import { groupedHelpText } from "./lib/cli/flags/help.ts";
import { LiveLine, standardError } from "./lib/cli/live_line.ts";
import { printLine } from "./lib/cli/print_line.ts";
import { onStopSignal } from "./lib/cli/stop_signal.ts";
import { versionText } from "./lib/cli/version.ts";
import { clientFaults } from "./lib/load/client_faults.ts";
import { CLIENT_FLAG_GROUPS, CLIENT_FLAGS, type ClientConfig } from "./lib/load/config.ts";
import { isExpected } from "./lib/load/expected_error.ts";
import { runClient } from "./lib/load/outcome.ts";
import { ratePlanOf } from "./lib/load/pace/rate_plan.ts";
import { checkWritable, writeOutput } from "./lib/load/report/output_file.ts";
import { progressLine } from "./lib/load/report/progress.ts";
import { seededRandom } from "./lib/load/seeded_random.ts";
import { targetOf } from "./lib/load/users/target.ts";
import { readUsersFile } from "./lib/load/users/users_file.ts";

const { config, sources, faults } = parseFlags(CLIENT_FLAGS, { args: Deno.args });

if (config.help) {
  const frame = {
    summary: "Simulates users of a broadcast chat server; with --rate, measures the server.",
    usage: "deno task client --count 9 [flags]",
    hasEnvironment: false,
  };
  console.log(groupedHelpText(CLIENT_FLAG_GROUPS, frame, config.help));
} else if (config.version) {
  console.log(versionText());
} else {
  try {
    Deno.exit(await runWith(config));
  } catch (error) {
    if (!isExpected(error)) throw error;
    console.error(error.message);
    Deno.exit(EXIT_CODE.failure);
  }
}

async function runWith(given: ClientConfig): Promise<number> {
  const userLines = given.users === "" ? [] : await readUsersFile(given.users);
  const config = { ...given, count: userLines.length || given.count };
  const allFaults = [...faults, ...clientFaults(config, sources)];
  allFaults.forEach((fault) => console.error(fault));
  if (allFaults.length > 0) return EXIT_CODE.usage;
  const interrupt = new AbortController();
  onStopSignal({
    stop: () => interrupt.abort(),
    stopNow: () => Deno.exit(EXIT_CODE.interrupted),
  });
  const target = await targetOf(config);
  [config.report, config.hdr].filter((path) => path !== "").forEach(checkWritable);
  const line = new LiveLine(standardError());
  const startedAtMs = performance.now();
  const outcome = await runClient(config, {
    target,
    userLines,
    signal: interrupt.signal,
    printMessage: (message) => {
      // Nothing reads standard output any more. For example, `| head` has ended.
      if (!printLine(message)) interrupt.abort();
    },
    printNotice: (notice) => line.print(notice),
    onProgress: (point) => config.quiet || line.show(progressLine(point, ratePlanOf(config))),
    random: config.seed === 0 ? Math.random : seededRandom(config.seed),
  });
  line.clear();
  const isInterrupted = interrupt.signal.aborted;
  const facts = {
    url: target.url,
    count: config.count,
    elapsedMs: performance.now() - startedAtMs,
    isInterrupted,
  };
  printLine(outcome.report(facts));
  outcome.files(facts).forEach(writeOutput);
  return isInterrupted ? EXIT_CODE.interrupted : outcome.exitCode;
}
