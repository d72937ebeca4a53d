import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OutputFileError } from "../../lib/load/report/output_file.ts";
import { judgeRun, printedReport, reportFiles } from "../../lib/load/report/run_reports.ts";
import { SavedRunError, savedRunText } from "../../lib/load/report/saved_run/saved_run.ts";
import { reportCommand } from "../../lib/load/report_command.ts";
import { FINISHED, GOOD } from "./report/measurements.ts";

const GATED = { ...FINISHED, config: { ...FINISHED.config, expect: ["p99<=5ms"] } };

/** A folder with a saved run, and one that was twice as fast. */
function folder() {
  const path = Deno.makeTempDirSync();
  const fast = { ...GOOD, latencies: { ...GOOD.latencies, delivery: { ...LATENCY, p99: 1.5 } } };
  Deno.writeTextFileSync(`${path}/run.json`, savedRunText(GATED));
  Deno.writeTextFileSync(`${path}/fast.json`, savedRunText({ ...FINISHED, measurement: fast }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

const LATENCY = GOOD.latencies.delivery!;

function run(...args: string[]) {
  const [printed, errors]: string[][] = [[], []];
  const exitCode = reportCommand(args, {
    print: (text) => void printed!.push(text),
    printError: (text) => void errors!.push(text),
  });
  return { exitCode, text: printed!.join("\n"), errors };
}

Deno.test("reportCommand() prints the report of the run with the run's gates", () => {
  using files = folder();
  const { exitCode, text } = run(`${files.path}/run.json`);
  assertEquals(text, printedReport(GATED, judgeRun(GATED, ["p99<=5ms"]), { json: false }));
  assertStringIncludes(text, "  passed  p99<=5ms  (3.00 ms)\n");
  assertEquals(exitCode, 0);
});

Deno.test("reportCommand() writes the same files as the run", () => {
  using files = folder();
  const [report, hdr] = [`${files.path}/r.html`, `${files.path}/r.hdr`];
  run(`${files.path}/run.json`, "--report", report, "--hdr", hdr);
  const expected = reportFiles(GATED, judgeRun(GATED, ["p99<=5ms"]), { report, hdr });
  assertEquals(expected.length, 2);
  for (const { path, text } of expected) assertEquals(Deno.readTextFileSync(path), text);
});

Deno.test("reportCommand() judges by the gates of --expect instead of the run's", () => {
  using files = folder();
  const { exitCode, text } = run(`${files.path}/run.json`, "--expect", "p99<3ms");
  assertStringIncludes(text, "  FAILED  p99<3ms  (3.00 ms)\n");
  assertEquals([exitCode, text.includes("5ms")], [99, false]);
});

Deno.test("reportCommand() compares with --baseline", () => {
  using files = folder();
  const { exitCode, text } = run(
    `${files.path}/run.json`,
    ...["--baseline", `${files.path}/fast.json`, "--expect", "p99<=1.1x", "--expect", "lost<=1x"],
  );
  assertStringIncludes(text, "  FAILED  p99<=1.1x  (3.00 ms, baseline 1.50 ms)\n");
  assertStringIncludes(text, "  passed  lost<=1x  (0, baseline 0)\n");
  assertStringIncludes(text, "\n  p99, ms                 3.00          1.50            2x  worse");
  assertEquals(exitCode, 99);
});

Deno.test("reportCommand() with --json prints one object", () => {
  using files = folder();
  const { text } = run(`${files.path}/run.json`, "--json", "--baseline", `${files.path}/fast.json`);
  const { comparison } = JSON.parse(text);
  assertEquals(comparison.metrics.p99, {
    value: 3,
    baseline: 1.5,
    factor: 2,
    judgement: "worse",
  });
  assertEquals(comparison.askedDifferences, []);
});

Deno.test("reportCommand() prints its flags with --help", () => {
  assertStringIncludes(run("--help").text, "Usage: deno task client report FILE [flags]");
});

for (
  const [args, fault] of [
    [[], "Cannot start because report needs a file: write report FILE [flags]"],
    [["--json"], "Cannot start because report needs a file: write report FILE [flags]"],
    [["run.json", "--rate=5"], "Cannot start because there is no flag --rate"],
    [["run.json", "--expect=p99<5"], "Cannot start because --expect must be a metric"],
  ] as const
) {
  Deno.test(`reportCommand() names what is wrong with report ${args.join(" ")}`, () => {
    const { exitCode, errors } = run(...args);
    assertEquals([exitCode, errors!.length], [2, 1]);
    assertStringIncludes(errors![0]!, fault);
  });
}

for (
  const [name, flags, fault] of [
    ["the saved run", ["--report=run.json"], 'FILE and --report must differ: both were "run.json"'],
    ["one file twice", ["--report=./a", "--hdr=a"], "--report and --hdr must differ"],
    ["the baseline", ["--baseline=fast.json", "--hdr=fast.json"], "--baseline and --hdr must"],
  ] as const
) {
  Deno.test(`reportCommand() does not write ${name}`, () => {
    using files = folder();
    const before = Deno.readTextFileSync(`${files.path}/run.json`);
    const inFolder = flags.map((flag) => flag.replace("=", `=${files.path}/`));
    const { exitCode, errors } = run(`${files.path}/run.json`, ...inFolder);
    assertEquals([exitCode, errors!.length], [2, 1]);
    assertStringIncludes(errors![0]!.replaceAll(`${files.path}/`, ""), fault);
    assertEquals(Deno.readTextFileSync(`${files.path}/run.json`), before);
  });
}

Deno.test("reportCommand() refuses a relative gate without a baseline", () => {
  using files = folder();
  const { exitCode, errors } = run(`${files.path}/run.json`, "--expect", "p99<=1.1x");
  assertEquals(errors, [
    "Cannot start because the gate p99<=1.1x needs a baseline: add --baseline FILE",
  ]);
  assertEquals(exitCode, 2);
});

Deno.test("reportCommand() throws if it cannot read a run, or write a report", () => {
  using files = folder();
  const path = `${files.path}/run.json`;
  assertThrows(() => run(`${path}x`), SavedRunError, `Cannot read the run ${path}x: it does not`);
  assertThrows(() => run(path, "--baseline", "/nowhere"), SavedRunError, "run /nowhere: it does");
  assertThrows(() => run(path, "--report", "/nowhere/r.html"), OutputFileError, "Cannot write");
});
