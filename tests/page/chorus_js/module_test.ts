import { assertEquals } from "@std/assert";
import { ChorusPeer } from "../../socket/chorus_peer.ts";
import { startTestApp, type TestApp } from "../../socket/test_app.ts";

/** Runs a program to its end. Returns what it prints. */
async function run(path: string, args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(path, { args, env }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** A program that publishes a message, and prints what it gets. */
function program({ app }: TestApp, library: string): string {
  return `
    import { connect } from ${JSON.stringify(library)};
    const chat = connect(${JSON.stringify(app.url.href)}, { name: "Ann", room: "tea" });
    chat.addEventListener("message", ({ detail }) => console.log(detail.name, detail.text));
    console.log(await chat.send("Tea is ready") === chat.position);
    console.log((await chat.history()).messages.length);
    chat.close();
  `;
}

/** The major version of the installed Node; 0 if there is none. */
async function nodeVersion(): Promise<number> {
  try {
    const { stdout } = await run("node", ["--version"]);
    return Number(stdout.match(/^v(\d+)/)?.[1]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return 0;
  }
}

const node = await nodeVersion();
if (node < 20) console.error("\n*** TEST SKIPPED: it needs Node 20 or later ***\n");

Deno.test("a Deno program imports the library from the server, with two permissions", async () => {
  await using server = await startTestApp();
  await using witness = await ChorusPeer.open(`${server.url}?room=tea`);
  const folder = await Deno.makeTempDir();
  const { host } = server.app.url;
  await Deno.writeTextFile(
    `${folder}/ann.ts`,
    program(server, new URL("chorus.js", server.app.url).href),
  );
  const flags = ["--no-prompt", "--check", `--allow-import=${host}`, `--allow-net=${host}`];
  const env = { NO_COLOR: "1", DENO_DIR: folder };
  const { code, stdout, stderr } = await run(Deno.execPath(), [
    "run",
    ...flags,
    `${folder}/ann.ts`,
  ], env);
  assertEquals([code, stdout], [0, "Ann Tea is ready\ntrue\n0\n"], stderr);
  assertEquals(await witness.texts(1), ["Tea is ready"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  name: "a Node program imports a copy of the library",
  ignore: node < 20,
  async fn() {
    await using server = await startTestApp();
    await using witness = await ChorusPeer.open(`${server.url}?room=tea`);
    const folder = await Deno.makeTempDir();
    const response = await fetch(new URL("chorus.js", server.app.url));
    await Deno.writeTextFile(`${folder}/chorus.mjs`, await response.text());
    await Deno.writeTextFile(`${folder}/ann.mjs`, program(server, "./chorus.mjs"));
    // Node 20 and 21 have a WebSocket only with this flag.
    const flags = node < 22 ? ["--experimental-websocket"] : [];
    const { code, stdout, stderr } = await run("node", [...flags, `${folder}/ann.mjs`]);
    assertEquals([code, stdout], [0, "Ann Tea is ready\ntrue\n0\n"], stderr);
    assertEquals(await witness.texts(1), ["Tea is ready"]);
    await Deno.remove(folder, { recursive: true });
  },
});
