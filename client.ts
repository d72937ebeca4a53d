import { EXIT_CODE } from "./lib/cli/exit_code.ts";
import { parseFlags } from "./lib/cli/flags.ts";
import { helpText } from "./lib/cli/help.ts";
import { printLine } from "./lib/cli/print_line.ts";
import { onStopSignal } from "./lib/cli/stop_signal.ts";
import { versionText } from "./lib/cli/version.ts";
import { CLIENT_FLAGS, type ClientConfig, clientFaults } from "./lib/load/config.ts";
import type { Target } from "./lib/load/connect.ts";
import { runClient } from "./lib/load/outcome.ts";
import { CaCertError, targetOf } from "./lib/load/target.ts";

const { config, ...parsed } = parseFlags(CLIENT_FLAGS, { args: Deno.args });
const faults = [...parsed.faults, ...clientFaults(config)];

if (config.help) {
  console.log(helpText(CLIENT_FLAGS, {
    summary: "Simulates users of a broadcast chat server; with --rate, measures any such server.",
    usage: "deno task client --count 9 [flags]",
    hasEnvironment: false,
  }));
} else if (config.version) {
  console.log(versionText());
} else if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(EXIT_CODE.usage);
} else {
  Deno.exit(await run(config));
}

async function run(config: ClientConfig): Promise<number> {
  const interrupt = new AbortController();
  onStopSignal({
    stop: () => interrupt.abort(),
    stopNow: () => Deno.exit(EXIT_CODE.interrupted),
  });
  let target: Target;
  try {
    target = await targetOf(config);
  } catch (error) {
    if (!(error instanceof CaCertError)) throw error;
    console.error(error.message);
    return EXIT_CODE.failure;
  }
  const startedAtMs = performance.now();
  const { report, exitCode } = await runClient(config, {
    target,
    signal: interrupt.signal,
    printMessage: (line) => {
      // Whoever read this has gone, as `| head` does when it has seen enough.
      if (!printLine(line)) interrupt.abort();
    },
    printNotice: (line) => console.error(line),
    random: Math.random,
  });
  const isInterrupted = interrupt.signal.aborted;
  printLine(report({
    url: config.url,
    count: config.count,
    elapsedMs: performance.now() - startedAtMs,
    isInterrupted,
  }));
  return isInterrupted ? EXIT_CODE.interrupted : exitCode;
}
