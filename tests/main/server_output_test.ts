import { assert, assertEquals, assertMatch } from "@std/assert";
import { Peer } from "../socket/peer.ts";
import { ENGINES } from "../socket/test_app.ts";
import { Fifo } from "./fifo.ts";
import { Program } from "./program.ts";

/** Runs the server with standard output in a pipe that is read only on demand. */
async function startWith(output: Fifo, args: readonly string[]) {
  const server = Program.startShell((server) => `exec ${server} > ${output.path}`, [
    ...["--port", "0", "--log-messages"],
    ...args,
  ]);
  const banner = (await output.linesTo(/listening on/)).at(-1)!;
  await output.linesTo(/Stop +Ctrl-C/);
  return { server, url: `ws://127.0.0.1:${banner.match(/:(\d+)\//)![1]}/ws` };
}

/** Sends messages that are together longer than twice the queue of the log, and receives them. */
async function overflow(sender: Peer, receiver: Peer): Promise<number> {
  const text = "x".repeat(60_000);
  let count = 0;
  // Few enough at a time for the log of the room.
  for (let round = 0; round < 4; round++) {
    for (let sent = 0; sent < 80; sent++) sender.send(text);
    for (let received = 0; received < 80; received++) assertEquals(await receiver.next(), text);
    count += 80;
  }
  return count;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a blocked standard output costs counted log lines, not messages`, async () => {
    await using output = await Fifo.create();
    const { server, url } = await startWith(output, ["--engine", engine]);
    await using _server = server;
    await using sender = await Peer.open(url);
    await using receiver = await Peer.open(url);
    const sentCount = await overflow(sender, receiver);

    let loggedCount = 0;
    let droppedCount = 0;
    while (loggedCount + droppedCount < sentCount) {
      const line = (await output.line())!;
      const gap = line.match(/ WRN (\d+) log lines were dropped here, because nothing read/);
      if (gap) droppedCount += Number(gap[1]);
      else if (/ sent: x/.test(line)) loggedCount++;
    }
    assertEquals(loggedCount + droppedCount, sentCount);
    assert(droppedCount > 0);

    sender.send("after");
    assertMatch((await output.linesTo(/ sent: /)).at(-1)!, / sent: after$/);
    server.signal("SIGTERM");
    assertMatch((await output.linesTo(/Stopped/)).at(-1)!, / INF Stopped$/);
    assertEquals(await output.line(), undefined);
    assertEquals((await server.ended()).code, 0);
  });

  Deno.test(`${engine}: the server drains and exits while standard output is blocked`, async () => {
    await using output = await Fifo.create();
    const { server, url } = await startWith(output, ["--engine", engine]);
    await using _server = server;
    await using sender = await Peer.open(url);
    await using receiver = await Peer.open(url);
    await overflow(sender, receiver);
    server.signal("SIGTERM");
    assertEquals((await receiver.closed).code, 1001);
    const { code, stderr } = await server.ended();
    assertEquals([code, stderr], [0, []]);
  });
}

Deno.test("the server goes on when the reader of its log ends, and logs to the next reader", async () => {
  await using output = await Fifo.create();
  const { server, url } = await startWith(output, []);
  await using _server = server;
  await using sender = await Peer.open(url);
  await using receiver = await Peer.open(url);
  await output.linesTo(/connected/);
  output.closeReader();
  sender.send("one");
  assertEquals(await receiver.next(), "one");
  await server.stderrLine(/^Cannot write to standard output: Broken pipe/);
  sender.send("two");
  assertEquals(await receiver.next(), "two");
  const texts = (await output.linesTo(/ sent: two$/)).flatMap((line) =>
    line.split(" sent: ")[1] ?? []
  );
  assertEquals(texts, ["one", "two"]);
  server.signal("SIGTERM");
  await output.linesTo(/ INF Stopped$/);
  const { code, stderr } = await server.ended();
  assertEquals([code, stderr.length], [0, 1]);
});

Deno.test("the server exits 0 on SIGTERM when the disk of its log is full", async () => {
  await using server = Program.startShell(
    (server) => `exec ${server} > /dev/full`,
    ["--port", "0"],
  );
  await server.stderrLine(/^Cannot write to standard output: No space left on device/);
  server.signal("SIGTERM");
  assertEquals((await server.ended()).code, 0);
});
