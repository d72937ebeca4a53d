import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Peer } from "../socket/peer.ts";
import { portOf, Program } from "./program.ts";

/** A configuration file that is there until it is disposed of. */
class TestFile implements AsyncDisposable {
  private constructor(readonly path: string) {}

  static async create(text: string): Promise<TestFile> {
    const path = await Deno.makeTempFile({ suffix: ".jsonc" });
    await Deno.writeTextFile(path, text);
    return new TestFile(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path);
  }
}

/** Runs the server with `--check-config`, and returns the value and the source of each flag. */
async function checkConfig(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Map<string, readonly [value: string, source: string]>> {
  await using server = Program.start("server", ["--check-config", ...args], env);
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stderr], [0, []]);
  return new Map(stdout.map((line) => {
    const [name, value, source] = line.split(/ {2,}/);
    return [name!, [value!, source!]];
  }));
}

Deno.test("the server uses the values of its configuration file", async () => {
  await using file = await TestFile.create('{ "port": 0, "echo": true, /* comment */ }');
  await using server = Program.start("server", ["--config", file.path]);
  const port = await portOf(server);
  assert(port !== 8000);
  await using peer = await Peer.open(`ws://127.0.0.1:${port}/ws`);
  peer.send("back to me");
  assertEquals(await peer.next(), "back to me");
});

Deno.test("--check-config prints every value and its source: flag, variable, file, default", async () => {
  await using file = await TestFile.create(`{
    // The first three are overridden.
    "port": 83, "max-rooms": 3, "drain-timeout": "3s",
    "max-message-bytes": "128KiB",
    "allow-origin": ["https://a.example", "https://b.example"],
  }`);
  const values = await checkConfig(["--config", file.path, "--port", "81", "--max-rooms=1"], {
    CHORUS_PORT: "82",
    CHORUS_DRAIN_TIMEOUT: "2s",
  });
  assertEquals(values.get("--port"), ["81", "flag"]);
  assertEquals(values.get("--max-rooms"), ["1", "flag"]);
  assertEquals(values.get("--drain-timeout"), ["2s", "CHORUS_DRAIN_TIMEOUT"]);
  assertEquals(values.get("--max-message-bytes"), ["128KiB", file.path]);
  assertEquals(values.get("--allow-origin"), [
    '["https://a.example","https://b.example"]',
    file.path,
  ]);
  assertEquals(values.get("--max-connections"), ["20000", "default"]);
});

Deno.test("CHORUS_CONFIG names the configuration file, and --config overrides it", async () => {
  await using one = await TestFile.create('{ "port": 1 }');
  await using two = await TestFile.create('{ "port": 2 }');
  const env = { CHORUS_CONFIG: one.path };
  const fromVariable = await checkConfig([], env);
  assertEquals(fromVariable.get("--port"), ["1", one.path]);
  assertEquals(fromVariable.get("--config"), [JSON.stringify(one.path), "CHORUS_CONFIG"]);
  assertEquals((await checkConfig(["--config", two.path], env)).get("--port"), ["2", two.path]);
});

/** Runs a server that must not start, and returns its faults. */
async function faultsOf(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<readonly string[]> {
  await using server = Program.start("server", args, env);
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stdout], [2, []]);
  return stderr;
}

Deno.test("the server reports all configuration errors together and exits 2", async () => {
  await using file = await TestFile.create(`{
    "max-connections": "many", "prot": 1, "log-format": null, "help": true, "tls-cert": "c.pem"
  }`);
  const faults = await faultsOf(["--prot", "1", "--config", file.path], {
    CHORUS_LOG_LEVEL: "loud",
    CHORUS_PORT: "x",
  });
  assertEquals(faults, [
    "Cannot start because there is no flag --prot (did you mean --port?)",
    `Cannot start because ${file.path} has an unknown key "prot" (did you mean "port"?)`,
    `Cannot start because ${file.path} must not have the key "help": use --help`,
    "Cannot start because --port (CHORUS_PORT) must be a whole number from 0 to 65535: " +
    'CHORUS_PORT was "x"',
    `Cannot start because max-connections in ${file.path} must be a whole number from 0 to ` +
    '10000000: it was "many"',
    "Cannot start because --log-level (CHORUS_LOG_LEVEL) must be one of debug, info, warning, " +
    'error: CHORUS_LOG_LEVEL was "loud"',
    `Cannot start because log-format in ${file.path} must be one of text, json: it was null`,
    "Cannot use --tls-cert (CHORUS_TLS_CERT) without --tls-key (CHORUS_TLS_KEY): it is not set",
  ]);
});

Deno.test("--check-config reports errors and exits 2", async () => {
  assertEquals((await faultsOf(["--check-config", "--allow-origin", "example.com"])).length, 1);
});

Deno.test("the server does not start without tokens if the flag for them has no value", async () => {
  const empty = "is empty: give it a value, or leave it";
  await using file = await TestFile.create('{ "token-secret-file": "", "data": "" }');
  assertEquals(await faultsOf(["--check-config", "--token-secret-file", "--log-level", "debug"]), [
    "Cannot start because --token-secret-file has no value: write --token-secret-file=FILE",
  ]);
  assertEquals(await faultsOf(["--check-config", "--token-secret-file", ""]), [
    `Cannot start because --token-secret-file ${empty} out`,
  ]);
  assertEquals(await faultsOf(["--check-config"], { CHORUS_TOKEN_SECRET_FILE: "" }), [
    `Cannot start because CHORUS_TOKEN_SECRET_FILE ${empty} unset`,
  ]);
  assertEquals(await faultsOf(["--check-config", "--config", file.path]), [
    `Cannot start because token-secret-file in ${file.path} ${empty} out`,
    `Cannot start because data in ${file.path} ${empty} out`,
  ]);
});

for (const [task, flag] of [["client", "--token"], ["token", "--token-secret-file"]] as const) {
  Deno.test(`the ${task} refuses an empty ${flag}, and exits 2`, async () => {
    await using program = Program.start(task, [`${flag}=`, "--url=ws://127.0.0.1:1/"]);
    const { code, stdout, stderr } = await program.ended();
    assertEquals([code, stdout], [2, []]);
    assert(
      stderr.includes(`Cannot start because ${flag} is empty: give it a value, or leave it out`),
    );
  });
}

Deno.test("the server names a configuration file that it cannot read, and exits 2", async () => {
  await using broken = await TestFile.create('{\n  "port": 1\n  "echo": true\n}');
  // The missing key may be in the file.
  const args = ["--config", "/nowhere/chorus.jsonc", "--port=x", "--tls-cert=cert.pem"];
  const [portFault, fileFault, ...more] = await faultsOf(args);
  assertEquals(more, []);
  assertStringIncludes(portFault!, '--port was "x"');
  assertEquals(fileFault, "Cannot read --config /nowhere/chorus.jsonc: it does not exist");
  assertEquals(await faultsOf([], { CHORUS_CONFIG: broken.path }), [
    `Cannot read CHORUS_CONFIG ${broken.path}: it is not valid JSONC at line 3, column 3`,
  ]);
});

for (const task of ["server", "client"] as const) {
  /** Runs a program that has nothing to say on standard error. Returns what it prints. */
  const printed = async (...args: string[]) => {
    await using program = Program.start(task, args);
    const { code, stdout, stderr } = await program.ended();
    assertEquals([code, stderr], [0, []]);
    return stdout;
  };

  Deno.test(`the ${task} prints --version on standard output and exits 0`, async () => {
    assertMatch((await printed("--version")).join("\n"), /^chorus \d/);
  });

  Deno.test(`the ${task} prints a short --help, and all flags with --help all`, async () => {
    const common = await printed("--help");
    const all = await printed("--help", "all");
    const text = common.join("\n");
    assertMatch(text, /^Usage: deno task/m);
    assert(common.length <= 28, text);
    assert(common.every((line) => line.length <= 100), text);
    assertEquals([await printed("-h"), await printed("-h", "all")], [common, all]);
    const flags = (lines: readonly string[]) => lines.filter((line) => /^ +-/.test(line));
    assert(flags(common).length < flags(all).length / 2);
    assertMatch(all.join("\n"), /^ {2}--version /m);
  });

  Deno.test(`the ${task} says what --help takes, and exits 2`, async () => {
    for (const args of [["--help=wrong"], ["-h", "wrong"]]) {
      await using program = Program.start(task, args);
      const { code, stdout, stderr } = await program.ended();
      assertEquals([code, stdout], [2, []]);
      assertEquals(stderr, [
        'Cannot start because --help must be all, or have no value: --help was "wrong"',
      ]);
    }
  });
}
