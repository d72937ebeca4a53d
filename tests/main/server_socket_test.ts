import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import denoJson from "../../deno.json" with { type: "json" };
import { HANDSHAKE_HEADERS, RawPeer } from "../socket/raw_peer.ts";
import { activate, isSystemdMissing } from "./activated.ts";
import { Fifo } from "./fifo.ts";
import { portOf, Program } from "./program.ts";

const HANDSHAKE = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");
const PROXY_HEADER = "PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n";

/** A close frame with 1001. */
const CLOSE_FRAME = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

/** The command of the server on a socket of systemd. */
function serverCommand(...args: readonly string[]): string {
  const [, ...command] = denoJson.tasks.server.command.split(" ");
  return [`"${Deno.execPath()}"`, ...command, "--listen-fd", "3", ...args].join(" ");
}

Deno.test({
  name: "the server listens on a socket of systemd, and serves the connection that started it",
  ignore: isSystemdMissing,
  async fn() {
    await using activated = await activate(`exec ${serverCommand()}`);
    const { program, port, first } = activated;
    assertEquals(await portOf(program), port);
    await first.send(HANDSHAKE);
    assertMatch(await first.readHead(), /^HTTP\/1\.1 101 /);
    await program.stdoutLine(new RegExp(` connected from ${first.address} `));
    program.signal("SIGTERM");
    await first.send(CLOSE_FRAME);
    const { code, stdout } = await program.ended();
    assertEquals(code, 0);
    // It uses TCP handles: otherwise it would warn.
    assertEquals(stdout.filter((line) => / WRN (?!This process can open only)/.test(line)), []);
  },
});

Deno.test({
  name: "on a socket of systemd, the PROXY protocol and TLS work",
  ignore: isSystemdMissing,
  async fn() {
    const fileOf = (name: string) => new URL(`../socket/${name}.pem`, import.meta.url).pathname;
    const [cert, key] = [fileOf("tls_cert"), fileOf("tls_key")];
    const flags = ["--trust-proxy", "127.0.0.1", "--tls-cert", cert, "--tls-key", key];
    await using activated = await activate(`exec ${serverCommand(...flags)}`);
    const { program, port } = activated;
    await program.stdoutLine(new RegExp(`listening on https://127\\.0\\.0\\.1:${port}/`));
    const tcp = await Deno.connect({ hostname: "127.0.0.1", port });
    await RawPeer.over(tcp).send(PROXY_HEADER);
    const caCerts = [Deno.readTextFileSync(cert)];
    using peer = RawPeer.over(await Deno.startTls(tcp, { hostname: "127.0.0.1", caCerts }));
    await peer.send(HANDSHAKE);
    assertMatch(await peer.readHead(), /^HTTP\/1\.1 101 /);
    await program.stdoutLine(/ connected from 192\.0\.2\.1:4660 /);
  },
});

Deno.test({
  name: "a connection made while no server runs waits for the next one on a socket of systemd",
  ignore: isSystemdMissing,
  async fn() {
    await using fifo = await Fifo.create();
    const server = serverCommand();
    // The first server must not outlive a test that fails.
    const firstRun = `setpriv --pdeathsig KILL ${server} & echo "pid $!"; wait $!; echo down`;
    await using activated = await activate(
      `${firstRun}; read -r _ < "${fifo.path}"; exec ${server}`,
    );
    const { program, port, first } = activated;
    const pid = Number((await program.stdoutLine(/^pid /)).slice("pid ".length));
    await first.send(HANDSHAKE);
    assertMatch(await first.readHead(), /^HTTP\/1\.1 101 /);
    Deno.kill(pid, "SIGTERM");
    await first.send(CLOSE_FRAME);
    await program.stdoutLine(/^down$/);
    using waiting = await RawPeer.connect(port);
    await waiting.send(HANDSHAKE);
    await Deno.writeTextFile(fifo.path, "\n");
    assertMatch(await waiting.readHead(), /^HTTP\/1\.1 101 /);
  },
});

Deno.test("--listen-fd without a socket is an error that says what is missing", async () => {
  await using server = Program.start("server", ["--listen-fd", "3"]);
  const { code, stderr } = await server.ended();
  assertEquals([code, stderr.length], [1, 1]);
  assertStringIncludes(stderr[0]!, "Cannot listen on the socket of --listen-fd 3: ");
  assertStringIncludes(stderr[0]!, "has passed no TCP socket that can listen");
});
