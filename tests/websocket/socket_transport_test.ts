import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { setImmediate } from "node:timers";
import { type AddressInfo, connect, createServer, Socket } from "node:net";
import { checkDirectWrite, SocketTransport } from "../../lib/websocket/socket_transport.ts";
import { delayWriteCallbacks } from "./late_writes.ts";

/** A transport to a socket that does not read until it is resumed. */
async function openPair(): Promise<{ transport: SocketTransport; peer: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const [[peer]] = await Promise.all([
    once(server, "connection") as Promise<[Socket]>,
    once(socket, "connect"),
  ]);
  const listener = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
  return {
    transport: new SocketTransport(socket, listener),
    peer,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      peer.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Reads everything until the other side ends. */
async function readToEnd(socket: Socket): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of socket.resume()) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
}

function write(transport: SocketTransport, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (transport.write(bytes, resolve)) resolve();
  return promise;
}

/** More than a socket's buffers hold. */
const LARGE = new Uint8Array(20_000_000).map((_, index) => index & 255);

for (const way of ["_write()", "write()"]) {
  const name = `SocketTransport over Socket.${way}`;

  /** Registers a test in which transports write in this way. */
  const test = (what: string, run: () => Promise<void>) =>
    Deno.test(`${name} ${what}`, async () => {
      {
        using _late = way === "write()" ? delayWriteCallbacks() : undefined;
        assertEquals(await checkDirectWrite(), way === "_write()");
        await run();
      }
      assertEquals(await checkDirectWrite(), true);
    });

  test("delivers bytes in their order", async () => {
    await using pair = await openPair();
    const { transport, peer } = pair;
    for (let byte = 0; byte < 100; byte++) await write(transport, Uint8Array.of(byte));
    transport.end();
    assertEquals(await readToEnd(peer), Uint8Array.from({ length: 100 }, (_, index) => index));
  });

  test("reports whether a small write has finished within the call", async () => {
    await using pair = await openPair();
    const written = Promise.withResolvers<void>();
    const isWritten = pair.transport.write(Uint8Array.of(1), written.resolve);
    assertEquals(isWritten, way === "_write()");
    if (!isWritten) await written.promise;
  });

  test("reports a large write when the peer has read it, and ends after it", async () => {
    await using pair = await openPair();
    const { transport, peer } = pair;
    let isWritten = false;
    assertEquals(transport.write(LARGE, () => isWritten = true), false);
    transport.end();
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
    assertEquals(isWritten, false);
    const received = await readToEnd(peer);
    assertEquals([isWritten, received.length], [true, LARGE.length]);
    assert(received.every((byte, index) => byte === (index & 255)));
  });

  test("does not report a write that a reset has ended", async () => {
    await using pair = await openPair();
    const { transport, peer } = pair;
    const gone = Promise.withResolvers<void>();
    transport.listener = { ...transport.listener, onGone: () => gone.resolve() };
    transport.write(LARGE, () => {
      throw new Error("It was not written");
    });
    const reset = once(peer.resume(), "error") as Promise<[Error & { code: string }]>;
    transport.reset();
    await gone.promise;
    assertEquals((await reset)[0].code, "ECONNRESET");
    assertEquals(transport.write(Uint8Array.of(1), () => {}), false);
  });

  test("reports the error when the peer resets", async () => {
    await using pair = await openPair();
    const { transport, peer } = pair;
    const gone = Promise.withResolvers<Error | undefined>();
    transport.listener = { ...transport.listener, onGone: gone.resolve };
    transport.write(LARGE, () => {});
    peer.resetAndDestroy();
    assert(await gone.promise);
  });
}

Deno.test("checkDirectWrite() returns false if there is no Socket._write()", async () => {
  const prototype = Socket.prototype as unknown as { _write: unknown };
  const { _write } = prototype;
  prototype._write = undefined;
  try {
    assertEquals(await checkDirectWrite(), false);
  } finally {
    prototype._write = _write;
  }
  assertEquals(await checkDirectWrite(), true);
});
