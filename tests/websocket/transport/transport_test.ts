import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers";
import {
  checkDirectWrite,
  SocketTransport,
} from "../../../lib/websocket/transport/socket_transport.ts";
import {
  acceptTransports,
  checkTcpTransport,
  type TcpTransport,
} from "../../../lib/websocket/transport/tcp_transport.ts";
import { IGNORE_EVENTS, type Transport } from "../../../lib/websocket/transport/transport.ts";
import { delayWriteCallbacks } from "./late_writes.ts";

interface Pair extends AsyncDisposable {
  readonly transport: Transport;
  /** The other end. It does not read until it is resumed. */
  readonly peer: Socket;
}

async function openPair(kind: Kind): Promise<Pair> {
  const server = createServer({ allowHalfOpen: true });
  if (kind === "TcpTransport") {
    assertEquals(await checkTcpTransport(), true);
    acceptTransports(server);
  }
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const peer = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const [[accepted]] = await Promise.all([
    once(server, "connection") as Promise<[Socket | TcpTransport]>,
    once(peer, "connect"),
  ]);
  peer.pause();
  const transport = kind === "TcpTransport"
    ? accepted as TcpTransport
    : new SocketTransport(accepted as Socket, IGNORE_EVENTS);
  return {
    transport,
    peer,
    [Symbol.asyncDispose]: async () => {
      await close(transport, peer);
      server.close();
    },
  };
}

async function close(transport: Transport, peer: Socket): Promise<void> {
  const closed = peer.closed ? undefined : once(peer, "close");
  transport.destroy();
  peer.destroy();
  await closed;
}

/** Reads everything until the other side ends. */
async function readToEnd(socket: Socket): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of socket.resume()) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

/** Writes, and resolves when the system has taken all bytes. */
function write(transport: Transport, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  transport.listener = { ...transport.listener, onWritten: resolve };
  if (transport.write(bytes)) resolve();
  return promise;
}

/** Resolves with what the listener gets until the transport is gone. */
function events(transport: Transport): Promise<string[]> {
  const seen: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string[]>();
  transport.listener = {
    onData: (bytes) => seen.push(`data ${[...bytes]}`),
    onWritten: () => seen.push("written"),
    onEnd: () => seen.push("end"),
    onGone: (error) => resolve([...seen, error ? `gone: ${error.message}` : "gone"]),
  };
  return promise;
}

/** More than a socket's buffers hold. */
const LARGE = new Uint8Array(20_000_000).map((_, index) => index & 255);

const KINDS = ["TcpTransport", "SocketTransport", "SocketTransport without _write()"] as const;

type Kind = typeof KINDS[number];

for (const kind of KINDS) {
  const isDirect = kind !== "SocketTransport without _write()";

  /** Registers a test with a pair of this kind. */
  const test = (what: string, run: (pair: Pair) => Promise<void>) =>
    Deno.test(`${kind} ${what}`, async () => {
      {
        using _late = isDirect ? undefined : delayWriteCallbacks();
        assertEquals(await checkDirectWrite(), isDirect);
        await using pair = await openPair(kind);
        await run(pair);
      }
      assertEquals(await checkDirectWrite(), true);
    });

  test("delivers bytes in their order", async ({ transport, peer }) => {
    for (let byte = 0; byte < 100; byte++) await write(transport, Uint8Array.of(byte));
    transport.end();
    assertEquals(await readToEnd(peer), Uint8Array.from({ length: 100 }, (_, index) => index));
  });

  test("reports whether a small write has finished within the call", async (pair) => {
    const { transport, peer } = pair;
    const read = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    transport.listener = {
      ...IGNORE_EVENTS,
      onData: () => read.resolve(),
      onWritten: written.resolve,
    };
    // A connection that has only just been accepted cannot write within a call.
    peer.write(Uint8Array.of(1));
    await read.promise;
    const isWritten = transport.write(Uint8Array.of(1));
    assertEquals(isWritten, isDirect);
    if (!isWritten) await written.promise;
  });

  test("reports a large write when the peer has read it, and ends after it", async (pair) => {
    const { transport, peer } = pair;
    let isWritten = false;
    transport.listener = { ...IGNORE_EVENTS, onWritten: () => isWritten = true };
    assertEquals(transport.write(LARGE), false);
    transport.end();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(isWritten, false);
    const received = await readToEnd(peer);
    assertEquals([isWritten, received.length], [true, LARGE.length]);
    assert(received.every((byte, index) => byte === (index & 255)));
  });

  test("reads what comes before the peer's end, and can still write", async (pair) => {
    const { transport, peer } = pair;
    const seen = events(transport);
    peer.end(Uint8Array.of(1, 2));
    transport.listener = {
      ...transport.listener,
      onEnd: ((before) => () => {
        before();
        transport.write(Uint8Array.of(3));
        transport.end();
      })(transport.listener.onEnd),
    };
    assertEquals(await readToEnd(peer), Uint8Array.of(3));
    assertEquals((await seen).filter((event) => event !== "written"), ["data 1,2", "end", "gone"]);
  });

  test("reads nothing while it is paused", async ({ transport, peer }) => {
    const seen = events(transport);
    transport.pause();
    transport.pause();
    peer.end(Uint8Array.of(1));
    await once(peer, "finish");
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    transport.listener = {
      ...transport.listener,
      onEnd: () => transport.destroy(),
      onData: ((before) => (bytes: Uint8Array) => before(Uint8Array.of(...bytes, 9)))(
        transport.listener.onData,
      ),
    };
    transport.resume();
    transport.resume();
    assertEquals(await seen, ["data 1,9", "gone"]);
  });

  test("does not report a write that a reset has ended", async ({ transport, peer }) => {
    const seen = events(transport);
    transport.write(LARGE);
    const reset = once(peer.resume(), "error") as Promise<[Error & { code: string }]>;
    transport.reset();
    transport.reset();
    assertEquals(await seen, ["gone"]);
    assertEquals((await reset)[0].code, "ECONNRESET");
    assertEquals(transport.write(Uint8Array.of(1)), false);
  });

  test("reports the error when the peer resets", async ({ transport, peer }) => {
    const seen = events(transport);
    transport.write(LARGE);
    peer.resetAndDestroy();
    const last = (await seen).at(-1)!;
    assert(/^gone: (read ECONNRESET|write EPIPE|write ECONNRESET)$/.test(last), last);
  });

  test("sends what the system has taken when it is destroyed", async ({ transport, peer }) => {
    const seen = events(transport);
    await write(transport, Uint8Array.of(1, 2, 3));
    transport.destroy();
    transport.destroy();
    transport.end();
    transport.pause();
    transport.resume();
    assertEquals(await readToEnd(peer), Uint8Array.of(1, 2, 3));
    assertEquals((await seen).at(-1), "gone");
  });
}
