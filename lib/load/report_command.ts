import { EXIT_CODE } from "../cli/exit_code.ts";
import { parseFlags } from "../cli/flags/flags.ts";
import { helpText } from "../cli/flags/help.ts";
import { versionText } from "../cli/version.ts";
import { sameFileFaults } from "./client_faults.ts";
import { REPORT_FLAGS } from "./flags/report_flags.ts";
import { relativeGateFaults } from "./gate_faults.ts";
import { checkWritable, writeOutput } from "./report/output_file.ts";
import { exitCodeOf, judgeRun, printedReport, reportFiles } from "./report/run_reports.ts";
import { readBaseline, readSavedRun } from "./report/saved_run/saved_run.ts";

/** Where {@linkcode reportCommand} writes. */
export interface ReportStreams {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

/**
 * Runs `client report FILE`: makes the reports of a saved run again. Without `--expect` and
 * `--baseline`, the gates and the baseline are those of the run.
 *
 * @param args What follows `report` on the command line.
 * @returns The exit code: that of the run, if the gates are the same.
 * @throws {SavedRunError} If a run cannot be read.
 * @throws {OutputFileError} If a report cannot be written.
 */
export function reportCommand(
  args: readonly string[],
  { print, printError }: ReportStreams,
): number {
  const isNamed = args.length > 0 && !args[0]!.startsWith("-");
  const { config, ...parsed } = parseFlags(REPORT_FLAGS, { args: isNamed ? args.slice(1) : args });
  if (config.help) {
    print(helpText(REPORT_FLAGS, {
      summary: "Makes reports of a run that --save wrote to a file.",
      usage: "deno task client report FILE [flags]",
      hasEnvironment: false,
    }));
    return EXIT_CODE.ok;
  }
  if (config.version) {
    print(versionText());
    return EXIT_CODE.ok;
  }
  const faults = [
    ...isNamed ? [] : ["Cannot start because report needs a file: write report FILE [flags]"],
    ...parsed.faults,
    ...sameFileFaults([
      { name: "FILE", path: isNamed ? args[0]! : "" },
      { name: "--baseline", path: config.baseline },
      { name: "--report", path: config.report },
      { name: "--hdr", path: config.hdr },
    ]),
  ];
  const saved = faults.length > 0 ? undefined : readSavedRun(args[0]!);
  const baseline = config.baseline === "" || !saved
    ? saved?.baseline
    : readBaseline(config.baseline);
  const expect = config.expect.length > 0 ? config.expect : saved?.config.expect ?? [];
  faults.push(...relativeGateFaults(expect, !saved || baseline !== undefined));
  if (faults.length > 0 || !saved) {
    for (const fault of faults) printError(fault);
    return EXIT_CODE.usage;
  }
  using _created = checkWritable([config.report, config.hdr]);
  const run = { ...saved, baseline };
  const verdict = judgeRun(run, expect);
  print(printedReport(run, verdict, config));
  reportFiles(run, verdict, config).forEach(writeOutput);
  return exitCodeOf(verdict, run.measurement);
}
