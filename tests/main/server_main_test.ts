import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { HEALTH, UPGRADE } from "../socket/http_exchange.ts";
import { Peer } from "../socket/peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "../socket/raw_peer.ts";
import { portOf, Program } from "./program.ts";

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`the server closes connections with 1001 and exits 0 on ${signal}`, async () => {
    await using server = Program.start("server", ["--port", "0"]);
    const port = await portOf(server);
    const peer = await Peer.open(`ws://127.0.0.1:${port}/ws`);
    await server.stdoutLine(/connected from 127\.0\.0\.1/);
    server.signal(signal);
    assertMatch(await server.stdoutLine(/Stopping/), / INF Stopping \(connections: 1\)$/);
    assertEquals(await peer.closed, { code: 1001, reason: "going away" });
    const { code, stderr } = await server.ended();
    assertEquals([code, stderr], [0, []]);
  });
}

Deno.test("`deno task server` forwards Ctrl-C and returns the exit code", async () => {
  await using server = Program.startTask("server", ["--port", "0"]);
  const port = await portOf(server);
  await using peer = await Peer.open(`ws://127.0.0.1:${port}/`);
  await server.stdoutLine(/connected from/);
  server.signal("SIGINT");
  assertEquals((await peer.closed).code, 1001);
  assertEquals((await server.ended()).code, 0);
});

Deno.test("the server exits 0 if a peer never answers a close frame", async () => {
  await using server = Program.start("server", ["--port", "0", "--drain-timeout", "100ms"]);
  using _silent = await RawPeer.upgrade(await portOf(server));
  await server.stdoutLine(/connected from/);
  server.signal("SIGINT");
  assertEquals((await server.ended()).code, 0);
});

Deno.test("the server exits at once on a second Ctrl-C", async () => {
  await using server = Program.start("server", ["--port", "0", "--drain-timeout", "1h"]);
  using _silent = await RawPeer.upgrade(await portOf(server));
  await server.stdoutLine(/connected from/);
  server.signal("SIGINT");
  await server.stdoutLine(/Stopping/);
  // Signals in quick succession count as one, so send more until one counts as the second.
  server.signalUntilEnded("SIGINT");
  const { code } = await server.ended();
  assertEquals(code, 130);
});

Deno.test("the server logs connections, and texts with control characters escaped", async () => {
  await using server = Program.start("server", ["--port", "0", "--log-messages"]);
  const port = await portOf(server);
  const peer = await Peer.open(`ws://127.0.0.1:${port}/`);
  const uuid = "[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
  await server.stdoutLine(new RegExp(`INF ${uuid} connected from 127\\.0\\.0\\.1:\\d+ to lobby$`));
  peer.send("hello\n\x1b[31m");
  await server.stdoutLine(new RegExp(`INF ${uuid} sent: hello\\\\n\\\\x1b\\[31m$`));
  await peer[Symbol.asyncDispose]();
  await server.stdoutLine(new RegExp(`INF ${uuid} disconnected with 1000`));
});

Deno.test("without --log-messages, no log line has the text of a message or a session token", async () => {
  await using server = Program.start("server", ["--port", "0", "--log-level", "debug"]);
  const port = await portOf(server);
  const one = await ChorusPeer.open(`ws://127.0.0.1:${port}/`);
  const { session } = one.welcome;
  const other = await ChorusPeer.open(`ws://127.0.0.1:${port}/?session=${session}`);
  one.say("a private text");
  await other.next("said");
  one.send("{a private text");
  await one.next("error");
  const refused = await fetch(`http://127.0.0.1:${port}/ws?room=.&session=${session}`);
  assertEquals(refused.status, 426);
  await refused.body!.cancel();
  const published = await fetch(`http://127.0.0.1:${port}/rooms/lobby/messages`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: "a private text",
  });
  assertEquals(published.status, 201);
  await published.body!.cancel();
  for (const peer of [one, other]) await peer[Symbol.asyncDispose]();
  server.signal("SIGTERM");
  const { stdout, stderr } = await server.ended();
  const lines = [...stdout, ...stderr];
  assert(lines.some((line) => line.includes(" connected from ")));
  const [, signature] = session.split(".");
  const telling = lines.filter((line) => line.includes("private") || line.includes(signature!));
  assertEquals(telling, []);
});

Deno.test("the server logs JSON lines with --log-format json", async () => {
  await using server = Program.start("server", ["--port", "0", "--log-format", "json"]);
  const record = JSON.parse(await server.stdoutLine(/Listening/));
  assertEquals(record.level, "INFO");
  assertMatch(record.url, /^http:\/\/127\.0\.0\.1:\d+\/$/);
  server.signal("SIGTERM");
  const { stdout } = await server.ended();
  for (const line of stdout) JSON.parse(line);
});

Deno.test("the server prints one line if its port is in use, and exits 1", async () => {
  await using first = Program.start("server", ["--port", "0"]);
  const port = await portOf(first);
  await using second = Program.start("server", ["--port", String(port)]);
  const { code, stdout, stderr } = await second.ended();
  assertEquals(code, 1);
  assertEquals(stdout, []);
  assertEquals(stderr, [
    `Cannot listen on 127.0.0.1:${port}: another program uses this port; stop it, or choose ` +
    "another port with --port (0 picks a free one)",
  ]);
});

/** Starts a server that has to fail. Returns what it prints, and checks that it exits 1. */
async function startError(program: Program): Promise<string> {
  await using server = program;
  const { code, stdout, stderr } = await server.ended();
  assertEquals([code, stdout, stderr.length], [1, [], 1]);
  return stderr[0]!;
}

Deno.test("the server blames the data file if it cannot be used, in one line, and exits 1", async () => {
  // The name once made an error of the host name of this one.
  const folder = await Deno.makeTempDir({ prefix: "username" });
  const path = `${folder}/chat.db`;
  try {
    await using server = Program.start("server", ["--port", "0", "--data", path]);
    await portOf(server);
    const cases = [
      [path, "another server uses it; stop that server, or choose another file"],
      [`${folder}/none/chat.db`, "its folder does not exist; create the folder"],
      [folder, "it is a folder; choose a file in it"],
    ] as const;
    for (const [data, reason] of cases) {
      assertEquals(
        await startError(Program.start("server", ["--port", "0", "--data", data])),
        `Cannot store messages in --data ${data}: ${reason}`,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the server blames permissions that do not let it use the data file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  const file = "this user may not read and write it; change its permissions, or choose another " +
    "file";
  const beside = "this user may not create or write the files beside it, such as FILE-wal and " +
    "FILE.lock; change the permissions of its folder and of these files";
  const error = async () => {
    const program = Program.startUnprivileged(["--port", "0", "--data", path]);
    return program && (await startError(program)).split(`${path}: `)[1];
  };
  try {
    await Deno.chmod(folder, 0o500);
    const missing = await error();
    if (missing === undefined) {
      console.warn("*** PERMISSION TEST SKIPPED: root needs setpriv to give up its privilege ***");
      return;
    }
    assertEquals(missing, beside);
    await Deno.chmod(folder, 0o700);
    for (const mode of [0o000, 0o200, 0o400]) {
      await Deno.writeTextFile(path, "");
      await Deno.chmod(path, mode);
      assertEquals(await error(), file);
    }
    await Deno.chmod(path, 0o600);
    await Deno.chmod(folder, 0o500);
    // The lock file is there, but SQLite has to create others.
    assertEquals(await error(), beside);
    await Deno.chmod(folder, 0o000);
    assertEquals(await error(), file);
    await Deno.chmod(folder, 0o700);
    await Deno.chmod(`${path}.lock`, 0o400);
    assertEquals(await error(), beside);
  } finally {
    await Deno.chmod(folder, 0o700);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a server killed while it trims loses only messages that are not retained", async () => {
  const folder = await Deno.makeTempDir();
  const args = ["--port=0", `--data=${folder}/chat.db`];
  const lastSeq = 30_000;
  try {
    {
      await using server = Program.start("server", args);
      const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
      const peer = await ChorusPeer.open(url);
      for (let index = 1; index <= lastSeq; index++) peer.say(`${index}`, `${index}`);
      for (let index = 1; index <= lastSeq; index++) await peer.next("ack");
      await peer[Symbol.asyncDispose]();
    }
    for (let round = 0; round < 3; round++) {
      using watcher = Deno.watchFs(folder);
      await using server = Program.start("server", [...args, "--history-messages=10"]);
      await portOf(server);
      using database = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
      const oldest = database.prepare("SELECT min(seq) AS seq FROM messages");
      const { seq } = oldest.get()!;
      // The kill hits it between two steps, or in the middle of one.
      let eventCount = 0;
      for await (const _ of watcher) {
        const nowSeq = oldest.get()!.seq;
        if (nowSeq === lastSeq - 9 || (nowSeq !== seq && eventCount++ === 30 * round)) break;
      }
    }
    await using server = Program.start("server", args);
    const base = `http://127.0.0.1:${await portOf(server)}/rooms/lobby/messages`;
    const texts = [];
    for (let path: string | undefined = "?limit=1000"; path;) {
      const response: Response = await fetch(new URL(path, base));
      const { messages } = await response.json();
      texts.push(...messages.map(({ text }: { text: string }) => Number(text)));
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
    }
    const first = texts[0]!;
    assert(first > 1 && first <= lastSeq - 9, `the oldest message is ${first}`);
    assertEquals(texts, Array.from(texts, (_, index) => first + index));
    assertEquals(texts.at(-1), lastSeq);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the server warns at its start if it may open too few files", async () => {
  const flags = ["--port", "0", "--max-connections", "1000"];
  await using server = Program.startShell((server) => `ulimit -n 300; exec ${server}`, flags);
  const line = await server.stdoutLine(/open only/);
  assertMatch(line, / WRN This process can open only 2\d\d more files, .* "ulimit -n 2048"/);
  // It serves those that it can.
  await using _peer = await Peer.open(`ws://127.0.0.1:${await portOf(server)}/ws`);
});

Deno.test("direct: a server that may open too few files refuses clients before it runs out", async () => {
  const flags = ["--port", "0", "--max-connections", "1000"];
  await using server = Program.startShell((server) => `ulimit -n 300; exec ${server}`, flags);
  const port = await portOf(server);
  const url = `http://127.0.0.1:${port}`;
  await using one = await Peer.open(`ws://127.0.0.1:${port}/ws`);
  await using other = await Peer.open(`ws://127.0.0.1:${port}/ws`);
  const members: RawPeer[] = [];
  let head = "";
  do {
    const peer = await RawPeer.connect(port);
    members.push(peer);
    await peer.send(`GET /ws?room=tea ${UPGRADE.slice(UPGRADE.indexOf("HTTP"))}`);
    head = await peer.readHead();
  } while (head.startsWith("HTTP/1.1 101"));
  assertMatch(head, /^HTTP\/1\.1 503 [^]*\r\nretry-after: 10\r\n/);
  assertEquals(members.length > 150, true);
  one.send("hi");
  assertEquals(await other.take(1), ["hi"]);
  const health = await fetch(`${url}/healthz`);
  assertEquals([health.status, await health.text()], [200, "ok\n"]);
  const readiness = await fetch(`${url}/readyz`);
  assertEquals(readiness.status, 503);
  assertMatch(await readiness.text(), /^The server has reached the limit of open files\n$/);
  for (const each of members) each[Symbol.dispose]();
  for (const _ of members.slice(1)) await server.stdoutLine(/disconnected/);
  await using _peer = await Peer.open(`ws://127.0.0.1:${port}/ws`);
});

Deno.test("serve: a server without file descriptors recovers, and serves its members meanwhile", async () => {
  await using server = starved(["--port", "0", "--engine", "serve"]);
  const port = await portOf(server);
  const url = `ws://127.0.0.1:${port}/ws`;
  await using one = await Peer.open(url);
  await using other = await Peer.open(url);
  const peers = await connectMany(port, 100);
  one.send("hi");
  assertEquals(await other.take(1), ["hi"]);
  for (const each of peers) each[Symbol.dispose]();
  await server.stdoutLine(/Could not accept connections on/);
  await using _peer = await Peer.open(url);
});

Deno.test("direct: HTTP clients that use up the file descriptors do not end the server", async () => {
  await using server = starved(["--port", "0"]);
  const port = await portOf(server);
  const url = `ws://127.0.0.1:${port}/ws`;
  await using one = await Peer.open(url);
  await using other = await Peer.open(url);
  // Each takes three descriptors. Which of them is missing first depends on the order of events.
  for (const count of [5, 10, 15, 20]) {
    const peers = await connectMany(port, count);
    for (const each of peers) await each.send(HEALTH);
    one.send(`${count}`);
    assertEquals(await other.take(1), [`${count}`]);
    for (const each of peers) each[Symbol.dispose]();
  }
  // The listeners come back within seconds.
  while (await healthOf(port) !== 200);
});

Deno.test("scrapers that use up the file descriptors do not end the server", async () => {
  await using server = starved(["--port", "0", "--metrics-listen", "127.0.0.1:0"]);
  const metricsUrl = (await server.stdoutLine(/Serving metrics on/)).match(/http\S+/)![0];
  const { host, port: metricsPort } = new URL(metricsUrl);
  const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
  await using one = await Peer.open(url);
  await using other = await Peer.open(url);
  const scrapers = await connectMany(Number(metricsPort), 100);
  one.send("hi");
  assertEquals(await other.take(1), ["hi"]);
  for (const each of scrapers) each[Symbol.dispose]();
  await server.stdoutLine(new RegExp(`Could not accept connections on ${host} `));
  await (await fetch(metricsUrl)).body!.cancel();
});

Deno.test("direct: a server without file descriptors recovers", async () => {
  await using server = starved(["--port", "0"]);
  const port = await portOf(server);
  // The connections beyond the limit fail when the listener restarts.
  const settled = await Promise.allSettled(
    Array.from({ length: 100 }, () => RawPeer.upgrade(port)),
  );
  await server.stdoutLine(/Could not accept connections for a while|Cannot accept a connection/);
  const peers = settled.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  for (const each of peers) each[Symbol.dispose]();
  for (const _ of peers) await server.stdoutLine(/disconnected/);
  await using _peer = await Peer.open(`ws://127.0.0.1:${port}/ws`);
});

/** Runs the server with at most 60 file descriptors. */
function starved(args: readonly string[]): Program {
  return Program.startShell((server) => `ulimit -n 60; exec ${server}`, args);
}

/** The status of a probe of the server; undefined if it cannot connect. */
async function healthOf(port: number): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`);
    await response.body!.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}

/** Tries to connect `count` times, and returns the connections that were accepted. */
async function connectMany(port: number, count: number): Promise<RawPeer[]> {
  const attempts = Array.from({ length: count }, () => RawPeer.connect(port));
  const settled = await Promise.allSettled(attempts);
  return settled.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
}

Deno.test("the private listener refuses connections that the gateway did not make", async () => {
  await using server = Program.start("server", ["--port", "0"]);
  const port = await portOf(server);
  const ports = await listeningPorts(server.pid);
  const [privatePort] = ports.filter((each) => each !== port);
  assertEquals(ports.length, 2);
  const page = await rawRequest(privatePort!, ["GET / HTTP/1.1", "Host: 127.0.0.1"]);
  assertEquals(page.status, 403);
  using peer = await RawPeer.connect(privatePort!);
  await peer.send(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n"));
  assertMatch(await peer.readHead(), /^HTTP\/1\.1 403 /);
  server.signal("SIGTERM");
  const { stdout } = await server.ended();
  assertEquals(stdout.filter((line) => / connected from /.test(line)), []);
});

/** Returns the ports on which a process listens on IPv4. */
async function listeningPorts(pid: number): Promise<number[]> {
  const output = async (command: string, ...args: string[]) => {
    const { stdout } = await new Deno.Command(command, { args }).output();
    return new TextDecoder().decode(stdout);
  };
  const files = await output("ls", "-l", `/proc/${pid}/fd`);
  const sockets = new Set(Array.from(files.matchAll(/socket:\[(\d+)\]/g), ([, inode]) => inode));
  return (await output("cat", "/proc/net/tcp")).split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === "0A" && sockets.has(fields[9]!))
    .map((fields) => parseInt(fields[1]!.split(":")[1]!, 16));
}
