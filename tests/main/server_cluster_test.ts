import { assert, assertEquals } from "@std/assert";
import { NatsAccounts } from "../cluster/nats_accounts.ts";
import { isNatsMissing, NatsServer } from "../cluster/nats_server.ts";
import { freePort } from "../free_port.ts";
import { Peer } from "../socket/peer.ts";
import { portOf, Program } from "./program.ts";

/** Defines a test that needs nats-server. */
function natsTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: isNatsMissing, fn });
}

function start(urls: string | readonly string[], ...args: readonly string[]): Program {
  const nats = [urls].flat().map((url) => `--nats=${url}`);
  return Program.start("server", ["--port", "0", ...nats, ...args]);
}

/** Starts a server that has to fail. Returns its one line, which must not have a secret. */
async function startError(
  urls: string | readonly string[],
  ...args: readonly string[]
): Promise<string> {
  await using server = start(urls, "--log-level", "debug", ...args);
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stderr.length], [1, 1], stderr.join("\n"));
  assertEquals([...stdout, ...stderr].filter((line) => line.includes("secret")), []);
  return stderr[0]!;
}

Deno.test("the server tries for ten seconds to reach NATS, and says so", async () => {
  const host = `127.0.0.1:${freePort()}`;
  const reason = `${host}: nothing listens there; check the address, and that nats-server runs`;
  await using server = start(`nats://ann:secret@${host}`);
  const line = await server.stdoutLine(/Waiting/);
  assert(line.endsWith(` INF Waiting for NATS at ${reason}`), line);
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stdout.length, stderr], [1, 1, [`Cannot connect to NATS at ${reason}`]]);
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a server that waits for NATS, with exit code 0`, async () => {
    await using server = start(`nats://127.0.0.1:${freePort()}`);
    await server.stdoutLine(/Waiting for NATS/);
    server.signal(signal);
    const { code, stderr } = await server.ended();
    assertEquals([code, stderr], [0, []]);
  });
}

Deno.test("Ctrl-C ends a server while NATS does not answer, with exit code 0", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using server = start(`nats://127.0.0.1:${listener.addr.port}`);
  using _connection = await listener.accept();
  server.signal("SIGINT");
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stdout, stderr], [0, [], []]);
});

natsTest("Ctrl-C ends a server that waits for JetStream, with exit code 0", async () => {
  const routes = `routes: ["nats://127.0.0.1:${freePort()}"]`;
  const cluster = `cluster: { name: test, listen: "127.0.0.1:${freePort()}", ${routes} }`;
  await using nats = await NatsServer.start({ conf: `server_name: one\n${cluster}` });
  await using server = start(nats.url);
  await server.stdoutLine(/Waiting for NATS JetStream/);
  server.signal("SIGINT");
  const { code, stderr } = await server.ended();
  assertEquals([code, stderr], [0, []]);
});

natsTest("the server starts when NATS does", async () => {
  const port = freePort();
  await using server = start(`nats://127.0.0.1:${port}`);
  await server.stdoutLine(/Waiting for NATS/);
  await using _nats = await NatsServer.start({ port });
  await portOf(server);
});

natsTest("the server starts if only the second of its NATS servers runs", async () => {
  await using nats = await NatsServer.start();
  await using server = start([`nats://127.0.0.1:${freePort()}`, nats.url]);
  await portOf(server);
});

natsTest("the server blames NATS if that refuses it, in one line, and exits 1", async () => {
  await using nats = await NatsServer.start({ conf: "authorization: { token: secret }" });
  const host = `127.0.0.1:${nats.port}`;
  assertEquals(
    await startError(`nats://secret2@${host}`),
    `Cannot connect to NATS at ${host}: it does not admit this user; check the user and the ` +
      "password, or the token, in --nats, or --nats-credentials (Authorization Violation)",
  );
  await using plain = await NatsServer.start();
  assertEquals(
    await startError(`tls://${new URL(plain.url).host}`),
    `Cannot connect to NATS at 127.0.0.1:${plain.port}: it does not use TLS; use nats:// ` +
      "without --nats-ca, or turn TLS on in nats-server",
  );
  await using first = start(plain.url);
  await portOf(first);
  assertEquals(
    await startError(plain.url, "--history-age", "1h"),
    "The stream chorus in NATS has other settings: max_age is unlimited, but --history-age " +
      "means 1h. Change the flags of this server, or the stream with `nats stream edit chorus`",
  );
});

natsTest("the server uses TLS and a credentials file, and prints no secret", async () => {
  const folder = await Deno.makeTempDir();
  const tls = new URL("../socket/", import.meta.url).pathname;
  const accounts = await NatsAccounts.create();
  const certificate = `cert_file: "${tls}tls_cert.pem", key_file: "${tls}tls_key.pem"`;
  const port = freePort();
  const path = `${folder}/user.creds`;
  const text = await accounts.user();
  await Deno.writeTextFile(path, text);
  const args = [`--nats-credentials=${path}`, `--nats-ca=${tls}tls_cert.pem`];
  try {
    const conf = `${accounts.conf}\ntls: { ${certificate} }`;
    await using nats = await NatsServer.start({ port, conf });
    await using one = start(`tls://localhost:${port}`, "--log-level=debug", ...args);
    await using other = start(`tls://127.0.0.1:${port}`, "--log-level=debug", ...args);
    const ports = [await portOf(one), await portOf(other)];
    const [ann, bob] = await Promise.all(
      ports.map((each) => Peer.open(`ws://127.0.0.1:${each}/ws`)),
    );
    ann!.send("hello");
    assertEquals(await bob!.next(), "hello");
    await nats.restart();
    await one.stdoutLine(/NATS/);
    for (const peer of [ann!, bob!]) await peer[Symbol.asyncDispose]();
    await Deno.writeTextFile(path, await accounts.stranger());
    const error = await startError(`tls://localhost:${port}`, ...args);
    assert(error.includes("it does not admit this user"), error);
    for (const server of [one, other]) server.signal("SIGTERM");
    const endings = await Promise.all([one.ended(), other.ended()]);
    const lines = endings.flatMap(({ stdout, stderr }) => [...stdout, ...stderr]);
    const secrets = [...text.matchAll(/^(?:ey|SU).*$/gm)].map(([secret]) => secret);
    assertEquals(secrets.length, 2);
    const telling = lines.filter((line) => secrets.some((secret) => line.includes(secret)));
    assertEquals(telling, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the server exits 2 without showing a password if a URL of --nats is wrong", async () => {
  await using server = start("nats://ann:secret@127.0.0.1/chat");
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stdout], [2, []]);
  assertEquals(stderr, [
    "Cannot start because --nats (CHORUS_NATS) must be a URL such as nats://10.0.0.5:4222 or " +
    'tls://…: --nats was "nats://ann:…@127.0.0.1/chat"',
  ]);
});

Deno.test("--check-config prints the flags of a cluster, without the password", async () => {
  await using server = start("nats://ann:secret@n1", "--nats-replicas=3", "--check-config");
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stderr], [0, []]);
  const rows = new Map(stdout.map((line) => line.split(/ {2,}/, 2) as [string, string]));
  assertEquals(rows.get("--nats"), '["nats://ann:…@n1"]');
  assertEquals(rows.get("--nats-replicas"), "3");
  for (const name of ["--nats-credentials", "--nats-ca", "--max-held-bytes", "--presence-ttl"]) {
    assert(rows.has(name), name);
  }
});
