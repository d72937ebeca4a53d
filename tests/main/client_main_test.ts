import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { portOf, Program } from "./program.ts";

/**
 * What the tutorial's client prints: connection k sends hello every k intervals after it opened,
 * and each of the others prints it. Returns one array for each message, in the order in which they
 * are sent.
 */
function tutorialOutput(
  count: number,
  timing: Record<"interval" | "stagger" | "duration", number>,
) {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const messages = ids.flatMap((id) => {
    const openedAt = (id - 1) * timing.stagger;
    const turns = Math.floor((timing.duration - openedAt) / (id * timing.interval));
    return Array.from({ length: turns }, (_, turn) => ({
      id,
      at: openedAt + (turn + 1) * id * timing.interval,
    }));
  });
  return messages.sort((one, other) => one.at - other.at).map(({ id }) =>
    ids.filter((each) => each !== id).map((each) => `Client ${each}: Client ${id} says hello`)
  );
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: the client prints the same lines as the tutorial's client for --count 3`, async () => {
    await using server = await startTestApp({ engine });
    // The messages are 500 ms apart, so that their order is the same on a slow machine.
    const timing = { interval: 2000, stagger: 500, duration: 7500 };
    await using client = Program.start("client", [
      ...["--count", "3", "--url", server.url],
      ...["--interval", "2s", "--stagger", "500ms", "--duration", "7500ms"],
    ]);
    const { code, stdout, stderr } = await client.ended();
    const messages = tutorialOutput(3, timing);
    assertEquals(messages.length, 5);
    // Two receivers may print the same message in any order.
    const perMessage = messages.map((_, index) => stdout.slice(2 * index, 2 * index + 2).sort());
    assertEquals(perMessage, messages);
    assertEquals(stdout.slice(10).map((line) => line.replace(/Summary of \d\.\d s/, "Summary")), [
      `Summary at ${server.url}`,
      "  opened       3 of 3",
      "  failed       0",
      "  lost         0",
      "  sent         5",
      "  received     10",
      "  close codes  3 × 1000",
    ]);
    assertEquals(stderr, [
      `Connecting 3 users to ${server.url} (Ctrl-C stops)`,
      "Connected: 3 of 3",
    ]);
    assertEquals(code, 0);
  });
}

Deno.test("the client prints its summary at Ctrl-C, and exits with 130", async () => {
  await using server = await startTestApp();
  await using client = Program.startTask("client", ["--count", "2", "--url", server.url]);
  await client.stderrLine(/^Connected: 2 of 2/);
  client.signal("SIGINT");
  const { code, stdout } = await client.ended();
  assertEquals(code, 130);
  assertMatch(stdout[0]!, /^Summary of/);
  for (let count = 0; count < 2; count++) {
    assertEquals((await server.logged("{id} disconnected")).properties.code, 1000);
  }
});

Deno.test("--rate measures, prints its report at Ctrl-C, and exits with 130", async () => {
  await using server = await startTestApp();
  await using client = Program.startTask("client", [
    ...["--count", "3", "--url", server.url, "--stagger", "0"],
    ...["--rate", "200", "--warmup", "0"],
  ]);
  await client.stderrLine(/^Connected: 3 of 3/);
  client.signal("SIGINT");
  const { code, stdout } = await client.ended();
  assertEquals(code, 130);
  assertMatch(
    stdout.join("\n"),
    /\nRun of .*, interrupted\n[^]*\n {2}opened {7}3 of 3\n[^]*\n {2}lost {9}0\n[^]*\nLatency, ms /,
  );
});

Deno.test("--expect exits with 99 and names the failed gate", async () => {
  await using server = await startTestApp();
  await using client = Program.start("client", [
    ...["--count", "3", "--url", server.url, "--stagger", "0"],
    ...["--rate", "100", "--warmup", "0", "--duration", "100ms"],
    ...["--expect", "lost=0", "--expect", "rate>1000"],
  ]);
  const { code, stdout } = await client.ended();
  assertEquals(code, 99);
  assertEquals(stdout[0], "Every message arrived once and in order: 20 deliveries");
  assertMatch(stdout.join("\n"), /\n {2}passed {2}lost=0 [^]*\n {2}FAILED {2}rate>1000 /);
});

Deno.test("--json prints one object and nothing else on standard output", async () => {
  await using server = await startTestApp();
  await using client = Program.start("client", [
    ...["--count", "2", "--url", server.url, "--json"],
    ...["--stagger", "0", "--interval", "100ms", "--every", "fixed", "--duration", "350ms"],
  ]);
  const { code, stdout } = await client.ended();
  assertEquals([code, stdout.length], [0, 1]);
  const report = JSON.parse(stdout[0]!);
  assertEquals([report.version, report.interrupted], [2, false]);
  assertEquals(report.connections.opened, 2);
});

Deno.test("--quiet prints only the summary", async () => {
  await using server = await startTestApp({ greeting: "Hi from server" });
  await using client = Program.start("client", [
    ...["--count", "1", "--url", server.url, "--quiet", "--duration", "500ms"],
  ]);
  const { stdout } = await client.ended();
  assertMatch(stdout[0]!, /^Summary of/);
  assertEquals(stdout[5], "  received     1");
});

Deno.test("the client prints once what to check if no server listens, and exits with 1", async () => {
  const listener = Deno.listen({ port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await using client = Program.start("client", [
    "--url",
    `ws://127.0.0.1:${port}/`,
    "--count",
    "3",
  ]);
  const { code, stdout, stderr } = await client.ended();
  assertEquals(code, 1);
  assertEquals(stderr, [
    `Connecting 3 users to ws://127.0.0.1:${port}/ (Ctrl-C stops)`,
    `Cannot reach ws://127.0.0.1:${port}/: start the server with \`deno task server\`, ` +
    "or choose another with --url",
    "Connected: 0 of 3",
  ]);
  assertEquals(stdout[2], "  failed       3: 3 × cannot reach the server");
});

Deno.test("the client says that a suspended server stopped answering, and exits with 1", async () => {
  await using server = Program.start("server", ["--port", "0"]);
  const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
  await using client = Program.start("client", [
    ...["--count", "3", "--url", url, "--quiet", "--stagger", "0", "--no-reconnect"],
  ]);
  await client.stderrLine(/^Connected: 3 of 3/);
  server.signal("SIGSTOP");
  const { code, stdout, stderr } = await client.ended();
  assertEquals(stdout.slice(1), [
    "  opened       3 of 3",
    "  failed       0",
    "  lost         3: 3 × the server stopped answering; 0 reconnected, 3 still disconnected",
    stdout[4]!,
    "  received     0",
    "  close codes  3 × 1006",
  ]);
  assertEquals(
    stderr.at(-1),
    "A connection was lost (the server stopped answering): not reconnecting",
  );
  assertEquals(code, 1);
});

for (const flags of [["--json"], ["--json", "--rate", "100", "--drain-timeout", "0"]]) {
  Deno.test(`the client counts users that a suspended server does not let leave as lost with ${flags}`, async () => {
    await using server = Program.start("server", ["--port", "0"]);
    const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
    await using client = Program.start("client", [
      ...["--count", "3", "--url", url, "--stagger", "0", "--duration", "500ms", ...flags],
    ]);
    await client.stderrLine(/^Connected: 3 of 3/);
    server.signal("SIGSTOP");
    const { code, stdout } = await client.ended();
    const { connections } = JSON.parse(stdout[0]!);
    const losses = { "the server did not answer the close frame": 3 };
    assertEquals([connections.lost, connections.losses], [3, losses]);
    assertEquals([connections.closeCodes, code], [{ 1006: 3 }, 1]);
  });
}

Deno.test("the client reports all faults of its flags, one per line, and exits with 2", async () => {
  await using client = Program.start("client", [
    "--cuont",
    "3",
    "--url",
    "http://x",
    "--interval=0",
  ]);
  const { code, stderr } = await client.ended();
  assertEquals([code, stderr.length], [2, 3]);
  assertStringIncludes(stderr[0]!, "--cuont (did you mean --count?)");
  assertStringIncludes(stderr[1]!, "--url must be a WebSocket URL, such as ws://x");
  assertStringIncludes(stderr[2]!, "--interval must be at least 1ms");
});

Deno.test("--report and --hdr write their files, and a progress line appears every second", async () => {
  await using server = await startTestApp();
  const directory = await Deno.makeTempDir();
  await using client = Program.start("client", [
    ...["--count", "3", "--url", server.url, "--stagger", "0", "--rate", "100"],
    ...["--warmup", "0", "--duration", "1200ms"],
    ...["--report", `${directory}/run.html`, "--hdr", `${directory}/run.hdr`],
  ]);
  const { code, stderr } = await client.ended();
  assertEquals(code, 0);
  assertMatch(
    stderr.join("\n"),
    /^steady \d of 1 s · \d+ sent\/s · .* · missing 0 · 3 open$/m,
  );
  assertMatch(await Deno.readTextFile(`${directory}/run.html`), /^<!DOCTYPE html>/);
  assertMatch(await Deno.readTextFile(`${directory}/run.hdr`), /^ +Value +Percentile/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the client reports a file that it cannot write before it connects, and exits with 1", async () => {
  await using client = Program.start("client", [
    ...["--rate", "100", "--report", "/nowhere/run.html"],
  ]);
  const { code, stdout, stderr } = await client.ended();
  assertEquals([code, stdout, stderr.length], [1, [], 1]);
  assertEquals(stderr[0]!, "Cannot write /nowhere/run.html: its folder does not exist");
});

Deno.test("the client creates no file if its --baseline does not exist, and exits with 1", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/run.json`;
  await using client = Program.start("client", [
    ...["--rate", "100", "--save", path, "--baseline", path],
  ]);
  const { code, stderr } = await client.ended();
  assertEquals([code, stderr], [1, [`Cannot read the run ${path}: it does not exist`]]);
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the client removes the files that it created if the run does not begin", async () => {
  const directory = await Deno.makeTempDir();
  await using client = Program.start("client", [
    ...["--rate", "100", "--save", `${directory}/run.json`],
    ...["--server-metrics", "http://127.0.0.1:1/metrics"],
  ]);
  const { code, stderr } = await client.ended();
  assertEquals(code, 1);
  assertStringIncludes(stderr[0]!, "Cannot read the metrics at http://127.0.0.1:1/metrics");
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the client writes --save even if it cannot write another file", async () => {
  await using server = await startTestApp();
  const directory = await Deno.makeTempDir();
  const report = `${directory}/reports/run.html`;
  await Deno.mkdir(`${directory}/reports`);
  await using client = Program.start("client", [
    ...["--count", "2", "--url", server.url, "--stagger", "0", "--rate", "100", "--quiet"],
    ...["--warmup", "0", "--report", report, "--save", `${directory}/run.json`],
  ]);
  await client.stderrLine(/^Connected: 2 of 2/);
  await Deno.remove(`${directory}/reports`, { recursive: true });
  client.signal("SIGINT");
  const { code, stderr } = await client.ended();
  assertEquals([code, stderr.at(-1)], [1, `Cannot write ${report}: its folder does not exist`]);
  assertMatch(await Deno.readTextFile(`${directory}/run.json`), /^\{"format":"chorus load run"/);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("--quiet prints no progress lines", async () => {
  await using server = await startTestApp();
  await using client = Program.start("client", [
    ...["--count", "2", "--url", server.url, "--rate", "100", "--quiet", "--json"],
    ...["--warmup", "0", "--duration", "1200ms"],
  ]);
  const { code, stdout, stderr } = await client.ended();
  assertEquals([code, stdout.length], [0, 1]);
  assertEquals(stderr, [
    `Connecting 2 users to ${server.url} (Ctrl-C stops)`,
    "Connected: 2 of 2",
  ]);
});
