import { assert, assertEquals } from "@std/assert";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { hideTcpHandles } from "../websocket/transport/hidden_handles.ts";
import { closeAll, Peer } from "./peer.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

/** More bytes than the system buffers for a connection that does not read. */
const MESSAGE_COUNT = 800;
const PING = 9;
const PONG = 10;
const PADDING = "x".repeat(20_000);

/**
 * Sends so many messages that the log drops some before a stalled reader gets them. The healthy
 * reader receives each one before the next is sent.
 */
async function flood(sender: Peer, healthy: Peer): Promise<void> {
  for (let index = 0; index < MESSAGE_COUNT; index++) {
    sender.send(`${index} ${PADDING}`);
    assertEquals(await healthy.next(), `${index} ${PADDING}`);
  }
}

/** The messages of a reader that did not answer pings: the pings are left out. */
async function messagesOf(frames: ReturnType<RawPeer["frames"]>) {
  return (await Array.fromAsync(frames)).filter(({ opcode }) => opcode !== PING);
}

function seqOf({ payload }: { payload: Uint8Array }): number {
  return Number(new TextDecoder().decode(payload).split(" ")[0]);
}

/** Registers a test for connections on TCP handles, and one for connections on sockets. */
function onBothTransports(name: string, run: () => Promise<void>): void {
  Deno.test(name, run);
  Deno.test(`${name}, without TCP handles`, async () => {
    using _hidden = hideTcpHandles();
    await run();
  });
}

onBothTransports(
  "--slow-reader close sends whole frames and then the close frame 4008",
  async () => {
    await using server = await startTestApp({
      logRetentionBytes: 1_000_000,
      closeTimeoutMs: 0,
      stallTimeoutMs: 0,
    });
    const [sender, healthy] = await Peer.openMany(server.url, 2) as [Peer, Peer];
    using stalled = await RawPeer.upgrade(server.port);
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    await flood(sender, healthy);
    await server.logged("{id} reads too slowly: closing");
    assertEquals([server.app.chat.size, server.app.wires.size], [2, 3]);
    assertEquals(server.app.chat.counters.slowReaders, { closed: 1, skipped: 0, stalled: 0 });
    const frames = await messagesOf(stalled.frames());
    const close = frames.pop()!;
    assertEquals([close.opcode, close.payload[0]! << 8 | close.payload[1]!], [8, 4008]);
    assertEquals(frames.map(seqOf), Array.from(frames, (_, index) => index));
    await stalled.send(encodeWireFrame(frame(8, [0x0f, 0xa8]), "client"));
    const { properties } = await server.logged("{id} disconnected");
    assertEquals(properties.code, 4008);
    await closeAll([sender, healthy]);
  },
);

onBothTransports("--slow-reader skip skips dropped messages and sends whole frames", async () => {
  await using server = await startTestApp({
    logRetentionBytes: 1_000_000,
    slowReader: "skip",
    stallTimeoutMs: 0,
  });
  const [sender, healthy] = await Peer.openMany(server.url, 2) as [Peer, Peer];
  using stalled = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 3; count++) await server.logged("{id} connected");
  await flood(sender, healthy);
  const { properties } = await server.logged("{id} reads too slowly: skipping");
  assert(Number(properties.missedBytes) > 0);
  assertEquals(server.app.chat.size, 3);
  assert(server.app.chat.counters.slowReaders.skipped > 0);
  sender.send("the end");
  await healthy.next();
  const seqs: number[] = [];
  for await (const { opcode, payload } of stalled.frames()) {
    if (opcode === PING) continue;
    if (new TextDecoder().decode(payload) === "the end") break;
    seqs.push(seqOf({ payload }));
  }
  assertEquals(seqs, [...new Set(seqs)].sort((one, other) => one - other));
  assertEquals([seqs[0], seqs.at(-1)], [0, MESSAGE_COUNT - 1]);
  assert(seqs.length < MESSAGE_COUNT);
  await closeAll([sender, healthy]);
});

onBothTransports(
  "--stall-timeout resets the TCP connection of a reader that reads nothing",
  async () => {
    await using server = await startTestApp({ stallTimeoutMs: 100 });
    const [sender, healthy] = await Peer.openMany(server.url, 2) as [Peer, Peer];
    using stalled = await RawPeer.upgrade(server.port);
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    await flood(sender, healthy);
    const { properties } = await server.logged("{id} disconnected");
    assertEquals([properties.code, properties.reason], [1006, "stalled reader"]);
    assertEquals([server.app.chat.size, server.app.wires.size], [2, 2]);
    // The stream stops, perhaps inside a frame, without a close frame: the reset has discarded what
    // the system had buffered.
    const frames = await Array.fromAsync(stalled.frames());
    assert(frames.length < MESSAGE_COUNT);
    assertEquals(stalled.wasReset, true);
    await closeAll([sender, healthy]);
  },
);

onBothTransports(
  "--stall-timeout leaves a room alone whose only reader reads slowly and answers pings",
  async () => {
    await using server = await startTestApp({ stallTimeoutMs: 1000, logRetentionBytes: 1_000_000 });
    const sender = await Peer.open(server.url);
    using slow = await RawPeer.upgrade(server.port);
    for (let count = 0; count < 2; count++) await server.logged("{id} connected");
    // So much that the server holds the sender back.
    for (let index = 0; index < MESSAGE_COUNT; index++) sender.send(PADDING);
    let readBytes = 0;
    for await (const { opcode, payload } of slow.frames()) {
      if (opcode === PING) await slow.send(encodeWireFrame(frame(PONG, [...payload]), "client"));
      readBytes += payload.length;
      if (readBytes > 500_000) break;
      await new Promise((resolve) => setTimeout(resolve, payload.length / 200));
    }
    assertEquals(server.app.chat.size, 2);
    assert(readBytes > 500_000, `only ${readBytes} bytes were read`);
  },
);

onBothTransports(
  "--stall-timeout leaves a reader alone that reads slowly and answers pings",
  async () => {
    await using server = await startTestApp({ stallTimeoutMs: 2000 });
    const [sender, healthy] = await Peer.openMany(server.url, 2) as [Peer, Peer];
    using slow = await RawPeer.upgrade(server.port);
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    const flooding = flood(sender, healthy);
    // The system takes more only when a third of its buffer is free, after more than two seconds.
    let readBytes = 0;
    for await (const { opcode, payload } of slow.frames()) {
      if (opcode === PING) await slow.send(encodeWireFrame(frame(PONG, [...payload]), "client"));
      readBytes += payload.length;
      if (readBytes > 1_000_000) break;
      await new Promise((resolve) => setTimeout(resolve, payload.length / 200));
    }
    await flooding;
    assertEquals([server.app.chat.size, server.app.wires.size], [3, 3]);
    await closeAll([sender, healthy]);
  },
);

onBothTransports("TCP slows down a sender that is faster than the only reader", async () => {
  await using server = await startTestApp({ logRetentionBytes: 1_000_000, stallTimeoutMs: 0 });
  using reader = await RawPeer.upgrade(server.port);
  using sender = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 2; count++) await server.logged("{id} connected");
  const messageCount = 2000;
  let sentCount = 0;
  const sending = (async () => {
    for (; sentCount < messageCount; sentCount++) {
      await sender.send(encodeWireFrame(frame(1, `${sentCount} ${PADDING}`), "client"));
    }
  })();
  // 40 MB exceed the log and the system's buffers, so the sender must wait for the reader.
  let readCount = 0;
  for await (const received of reader.frames()) {
    if (received.opcode === PING) continue;
    assertEquals(seqOf(received), readCount++);
    if (readCount === messageCount) break;
  }
  await sending;
  assertEquals(server.app.chat.size, 2);
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: a client that never reads the replies is closed`, async () => {
    await using server = await startTestApp({ engine, stallTimeoutMs: 100, closeTimeoutMs: 100 });
    const peer = await RawPeer.upgrade(server.port, "/ws", "chorus.v1");
    const garbage = encodeWireFrame(frame(1, "?"), "client");
    const many = Uint8Array.from(
      { length: 10_000 * garbage.length },
      (_, index) => garbage[index % garbage.length]!,
    );
    const ended = server.logged("{id} disconnected");
    // Fails when the server resets the connection.
    const sending = (async () => {
      for (;;) await peer.send(many);
    })().catch(() => {});
    const { properties } = await ended;
    const expected = engine === "direct" ? [1006, "stalled reader"] : [4008, "too slow"];
    assertEquals([properties.code, properties.reason], expected);
    assertEquals(server.app.chat.counters.slowReaders, { closed: 0, skipped: 0, stalled: 1 });
    peer[Symbol.dispose]();
    await sending;
  });
}
