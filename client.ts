import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { LiveLine, standardError } from "./lib/cli/live_line.ts";
import { printLine } from "./lib/cli/print_line.ts";
import { onStopSignal } from "./lib/cli/stop_signal.ts";
import { versionText } from "./lib/cli/version.ts";
import { type ClientCommand, readCommand } from "./lib/load/client_command.ts";
import { clientHelpText } from "./lib/load/client_help.ts";
import { isExpected } from "./lib/load/expected_error.ts";
import { runClient } from "./lib/load/outcome.ts";
import { ratePlanOf } from "./lib/load/pace/rate_plan.ts";
import { checkWritable, writeOutput } from "./lib/load/report/output_file.ts";
import { progressLine } from "./lib/load/report/progress.ts";
import { runOrigin } from "./lib/load/report/run_origin.ts";
import { reportCommand } from "./lib/load/report_command.ts";
import { seededRandom } from "./lib/load/seeded_random.ts";
import { targetOf } from "./lib/load/users/connection/target.ts";

const [first, ...rest] = Deno.args;

try {
  Deno.exit(
    first === "report"
      ? reportCommand(rest, { print: printLine, printError: console.error })
      : await runCommand(),
  );
} catch (error) {
  if (!isExpected(error)) throw error;
  console.error(error.message);
  Deno.exit(EXIT_CODE.failure);
}

async function runCommand(): Promise<number> {
  const command = await readCommand(Deno.args);
  const { config, faults } = command;
  if (config.help || config.version) {
    printLine(config.help ? clientHelpText(config.help) : versionText());
    return EXIT_CODE.ok;
  }
  for (const fault of faults) console.error(fault);
  return faults.length > 0 ? EXIT_CODE.usage : await runWith(command);
}

async function runWith({ config, asked, userLines, baseline }: ClientCommand): Promise<number> {
  const interrupt = new AbortController();
  onStopSignal({
    stop: () => interrupt.abort(),
    stopNow: () => Deno.exit(EXIT_CODE.interrupted),
  });
  const target = await targetOf(config);
  using _created = checkWritable([config.report, config.hdr, config.save]);
  const line = new LiveLine(standardError());
  const origin = runOrigin(Date.now());
  const startedAtMs = performance.now();
  const outcome = await runClient(config, {
    target,
    userLines,
    baseline,
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
  for (const file of outcome.files(facts, { origin, ...asked })) writeOutput(file);
  return isInterrupted ? EXIT_CODE.interrupted : outcome.exitCode;
}
