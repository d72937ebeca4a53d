import { assertEquals, assertMatch } from "@std/assert";
import { Peer } from "../socket/peer.ts";
import { RawPeer } from "../socket/raw_peer.ts";
import { ENGINES } from "../socket/test_app.ts";
import { Fifo } from "./fifo.ts";
import { portOf, Program } from "./program.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: the server drains and exits 0 on SIGHUP`, async () => {
    await using server = Program.start("server", ["--port", "0", "--engine", engine]);
    const peer = await Peer.open(`ws://127.0.0.1:${await portOf(server)}/ws`);
    await server.stdoutLine(/connected from/);
    server.signal("SIGHUP");
    assertEquals(await peer.closed, { code: 1001, reason: "going away" });
    const { code, stdout, stderr } = await server.ended();
    assertEquals([code, stderr], [0, []]);
    assertMatch(stdout.at(-1)!, / INF Stopped$/);
  });
}

Deno.test("more SIGHUPs do not end the server before it has drained", async () => {
  await using server = Program.start("server", ["--port", "0", "--drain-timeout", "1s"]);
  using _silent = await RawPeer.upgrade(await portOf(server));
  await server.stdoutLine(/connected from/);
  server.signal("SIGHUP");
  await server.stdoutLine(/Stopping/);
  server.signalUntilEnded("SIGHUP");
  await server.stdoutLine(/Stopped/);
  assertEquals((await server.ended()).code, 0);
});

Deno.test("a SIGHUP counts as the first signal: Ctrl-C then ends the server at once", async () => {
  await using server = Program.start("server", ["--port", "0", "--drain-timeout", "1h"]);
  using _silent = await RawPeer.upgrade(await portOf(server));
  await server.stdoutLine(/connected from/);
  server.signal("SIGHUP");
  await server.stdoutLine(/Stopping/);
  server.signalUntilEnded("SIGINT");
  assertEquals((await server.ended()).code, 130);
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: the server serves on for --drain-delay, with /readyz at 503`, async () => {
    const times = ["--drain-delay", "1h", "--drain-timeout", "2h"];
    await using server = Program.start("server", ["--port", "0", "--engine", engine, ...times]);
    const port = await portOf(server);
    const isReady = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    assertEquals(await isReady(), "ready\n");
    server.signal("SIGTERM");
    const line = await server.stdoutLine(/Not ready/);
    assertMatch(line, / INF Not ready, but still serving for 3600000 ms$/);
    assertEquals(await isReady(), "The server is stopping\n");
    const [one, other] = await Peer.openMany(`ws://127.0.0.1:${port}/ws`, 2) as [Peer, Peer];
    for (const _ of [one, other]) await server.stdoutLine(/connected from/);
    one.send("hello");
    assertEquals(await other.next(), "hello");
    server.signalUntilEnded("SIGTERM");
    assertEquals((await server.ended()).code, 130);
    await Promise.all([one.closed, other.closed]);
  });
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a server that exits 0 has stored what no client waits for, too`, async () => {
    const folder = await Deno.makeTempDir();
    const args = ["--port=0", `--engine=${engine}`, `--data=${folder}/chat.db`];
    {
      await using server = Program.start("server", args);
      const url = `ws://127.0.0.1:${await portOf(server)}/ws`;
      const [sender, reader] = await Peer.openMany(url, 2) as [Peer, Peer];
      for (const _ of [sender, reader]) await server.stdoutLine(/connected from/);
      // Messages without an ack are collected for a while before their commit.
      for (let count = 0; count < 1000; count++) sender.send(`${count}`);
      await reader.take(1000);
      server.signal("SIGTERM");
      assertEquals((await server.ended()).code, 0);
      await Promise.all([sender.closed, reader.closed]);
    }
    await using server = Program.start("server", args);
    const port = await portOf(server);
    const reader = await Peer.open(`ws://127.0.0.1:${port}/ws?last=2000`);
    const expected = Array.from({ length: 1000 }, (_, index) => `${index}`);
    assertEquals(await reader.take(1000), expected);
    await reader[Symbol.asyncDispose]();
    await Deno.remove(folder, { recursive: true });
  });
}

for (const signal of ["SIGTERM", "SIGHUP"] as const) {
  Deno.test(`\`deno task server\` passes ${signal} on and returns the exit code`, async () => {
    await using server = Program.startTask("server", ["--port", "0"]);
    const peer = await Peer.open(`ws://127.0.0.1:${await portOf(server)}/`);
    await server.stdoutLine(/connected from/);
    server.signal(signal);
    assertEquals((await peer.closed).code, 1001);
    assertEquals((await server.ended()).code, 0);
  });
}

Deno.test("the server drains and ends when its terminal is closed", async () => {
  // The server holds the pipe open until it ends.
  await using fifo = await Fifo.create();
  await using terminal = Program.startShell(
    (server) =>
      `exec script --quiet --flush --command ` +
      `'exec ${server.replaceAll("'", "")} 3> ${fifo.path}' /dev/null`,
    ["--port", "0"],
  );
  const end = fifo.line();
  const peer = await Peer.open(`ws://127.0.0.1:${await portOf(terminal)}/ws`);
  await terminal.stdoutLine(/connected from/);
  terminal.signal("SIGKILL");
  assertEquals(await peer.closed, { code: 1001, reason: "going away" });
  assertEquals(await end, undefined);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test(`${signal} ends a server that waits with --data-wait, with exit code 0`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const flags = ["--port", "0", "--data", `${folder}/chat.db`, "--data-wait", "1h"];
      await using first = Program.start("server", flags);
      await portOf(first);
      await using next = Program.start("server", flags);
      await next.stdoutLine(/Waiting for --data/);
      next.signal(signal);
      const { code, stderr } = await next.ended();
      assertEquals([code, stderr], [0, []]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("SIGHUP does not end a server with tokens that waits with --data-wait", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/secret`, "0123456789abcdef0123456789abcdef");
    const data = ["--port", "0", "--data", `${folder}/chat.db`];
    const first = Program.start("server", data);
    await portOf(first);
    const tokens = ["--data-wait", "1h", "--token-secret-file", `${folder}/secret`];
    await using next = Program.start("server", [...data, ...tokens]);
    await next.stdoutLine(/Waiting for --data/);
    next.signal("SIGHUP");
    await first[Symbol.asyncDispose]();
    await portOf(next);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
