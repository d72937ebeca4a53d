import { assertEquals, assertStringIncludes } from "@std/assert";
import { startTestApp } from "../socket/test_app.ts";
import { Program } from "./program.ts";

/** A temporary folder. */
function folder() {
  const path = Deno.makeTempDirSync();
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** The flags that write reports to files that begin with a path, and those files. */
function reportsAt(path: string) {
  const [html, hdr] = [`${path}.html`, `${path}.hdr`];
  return {
    flags: ["--report", html, "--hdr", hdr],
    read: () => [html, hdr].map((each) => Deno.readTextFileSync(each)),
  };
}

Deno.test("report makes the same reports as the run whose file it reads, byte for byte", async () => {
  await using server = await startTestApp();
  using files = folder();
  const [first, again] = [reportsAt(`${files.path}/first`), reportsAt(`${files.path}/again`)];
  const saved = `${files.path}/run.json`;
  await using client = Program.startTask("client", [
    ...["--count", "3", "--url", server.url, "--stagger", "0", "--token", "secret"],
    ...["--rate", "200", "--warmup", "50ms", "--duration", "300ms"],
    ...["--expect", "lost=0", "--expect", "rate>1000", "--save", saved, ...first.flags],
  ]);
  const run = await client.ended();
  await using reporter = Program.startTask("client", ["report", saved, ...again.flags]);
  const report = await reporter.ended();
  assertEquals([report.code, report.stderr], [99, []]);
  assertEquals([run.code, run.stdout], [99, report.stdout]);
  assertEquals(again.read(), first.read());
  assertEquals(Deno.readTextFileSync(saved).includes("secret"), false);
});

Deno.test("--baseline compares a run with a saved one, in text and again from its file", async () => {
  await using server = await startTestApp();
  using files = folder();
  const [before, after] = [`${files.path}/before.json`, `${files.path}/after.json`];
  const flags = (rate: string, file: string) => [
    ...["--count", "2", "--url", server.url, "--stagger", "0", "--warmup", "0"],
    ...["--rate", rate, "--duration", "200ms", "--save", file],
  ];
  await using first = Program.start("client", flags("100", before));
  assertEquals((await first.ended()).code, 0);
  await using second = Program.start("client", [
    ...flags("200", after),
    ...["--baseline", before, "--expect", "lost<=1x", "--expect", "delivered>=100x"],
  ]);
  const { code, stdout } = await second.ended();
  assertEquals(code, 99);
  const text = stdout.join("\n");
  assertStringIncludes(text, "  passed  lost<=1x  (0, baseline 0)\n");
  assertStringIncludes(text, "  FAILED  delivered>=100x  (40, baseline 20)\n");
  assertStringIncludes(text, "\n  asked for    --rate 200 instead of 100\n");
  await using again = Program.start("client", ["report", after]);
  assertEquals((await again.ended()).stdout, stdout);
});

Deno.test("a run with an unusable --baseline exits with 1 before it connects", async () => {
  using files = folder();
  const path = `${files.path}/run.json`;
  Deno.writeTextFileSync(path, "{}");
  await using client = Program.start("client", ["--rate", "5", "--baseline", path]);
  const { code, stdout, stderr } = await client.ended();
  assertEquals([code, stdout], [1, []]);
  assertEquals(stderr, [`Cannot use the run ${path}: it was not written by --save`]);
});
