import { assertEquals, assertRejects } from "@std/assert";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { shakeHands } from "../socket/handshake.ts";
import { RawPeer } from "../socket/raw_peer.ts";
import { ENGINES } from "../socket/test_app.ts";
import { portOf, Program } from "./program.ts";

const CERTS = new URL("../socket/", import.meta.url);

/** The files of a server, which a test can replace. */
class Files implements Disposable {
  readonly #folder = Deno.makeTempDirSync();
  readonly cert = `${this.#folder}/cert.pem`;
  readonly key = `${this.#folder}/key.pem`;

  constructor(cert: string, key: string) {
    this.replace(cert, key);
  }

  get flags(): string[] {
    return ["--tls-cert", this.cert, "--tls-key", this.key];
  }

  replace(cert: string, key: string): void {
    Deno.copyFileSync(new URL(`${cert}.pem`, CERTS), this.cert);
    Deno.copyFileSync(new URL(`${key}.pem`, CERTS), this.key);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

/** Connects, and accepts only this certificate. */
async function connect(port: number, cert: string): Promise<RawPeer> {
  const conn = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [Deno.readTextFileSync(new URL(`${cert}.pem`, CERTS))],
  });
  try {
    await shakeHands(conn, `wss://127.0.0.1:${port}/ws`);
  } catch (error) {
    conn.close();
    throw error;
  }
  return RawPeer.over(conn);
}

async function assertHears(listener: RawPeer, speaker: RawPeer, text: string): Promise<void> {
  await speaker.send(encodeWireFrame(frame(1, text), "client"));
  for await (const { payload } of listener.frames()) {
    assertEquals(new TextDecoder().decode(payload), text);
    break;
  }
}

Deno.test("direct: SIGHUP replaces the certificate, and open connections continue", async () => {
  using files = new Files("tls_cert", "tls_key");
  await using server = Program.start("server", [
    ...["--port", "0", "--drain-timeout", "100ms"],
    ...files.flags,
  ]);
  const port = await portOf(server);
  using old = await connect(port, "tls_cert");
  await server.stdoutLine(/ connected from/);

  files.replace("tls_other_cert", "tls_other_key");
  server.signal("SIGHUP");
  await server.stdoutLine(/ INF New connections use the certificate in .*cert\.pem$/);
  using young = await connect(port, "tls_other_cert");
  await server.stdoutLine(/ connected from/);
  await assertHears(old, young, "from the new one");
  await assertHears(young, old, "from the old one");
  await assertRejects(() => connect(port, "tls_cert"), Error, "invalid peer certificate");

  // Only one of the files has been replaced.
  files.replace("tls_cert", "tls_other_key");
  server.signal("SIGHUP");
  await server.stdoutLine(
    / ERR The old certificate stays in use: Cannot use --tls-key \S+: it is not the key of/,
  );
  using third = await connect(port, "tls_other_cert");
  await server.stdoutLine(/ connected from/);
  await assertHears(old, third, "with the certificate that stays");

  files.replace("tls_expired_cert", "tls_key");
  server.signal("SIGHUP");
  await server.stdoutLine(
    / WRN The certificate in --tls-cert .* has expired: Jan {2}1 00:00:00 2021 GMT$/,
  );
  await assertRejects(() => connect(port, "tls_expired_cert"), Error, "certificate expired");

  server.signal("SIGTERM");
  const { code, stderr } = await server.ended();
  assertEquals([code, stderr], [0, []]);
});

Deno.test("serve: SIGHUP keeps the certificate and says that a restart is needed", async () => {
  using files = new Files("tls_cert", "tls_key");
  await using server = Program.start("server", [
    ...["--port", "0", "--engine", "serve", "--drain-timeout", "100ms"],
    ...files.flags,
  ]);
  const port = await portOf(server);
  files.replace("tls_other_cert", "tls_other_key");
  server.signal("SIGHUP");
  await server.stdoutLine(/ WRN The old certificate stays in use: --engine serve needs a restart$/);
  using _peer = await connect(port, "tls_cert");
  server.signal("SIGTERM");
  assertEquals((await server.ended()).code, 0);
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: the server refuses to start with the key of another certificate`, async () => {
    using files = new Files("tls_cert", "tls_other_key");
    await using server = Program.start("server", [
      ...["--port", "0", "--engine", engine],
      ...files.flags,
    ]);
    const { code, stdout, stderr } = await server.ended();
    assertEquals([code, stdout], [1, []]);
    assertEquals(stderr, [
      `Cannot use --tls-key ${files.key}: it is not the key of --tls-cert ${files.cert}`,
    ]);
  });

  Deno.test(`${engine}: the server starts with an expired certificate, and warns`, async () => {
    using files = new Files("tls_expired_cert", "tls_key");
    await using server = Program.start("server", [
      ...["--port", "0", "--engine", engine],
      ...files.flags,
    ]);
    await server.stdoutLine(
      / WRN The certificate in --tls-cert .* has expired: Jan {2}1 00:00:00 2021 GMT$/,
    );
    server.signal("SIGTERM");
    assertEquals((await server.ended()).code, 0);
  });
}
