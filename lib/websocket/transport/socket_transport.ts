import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Transport, TransportListener } from "./transport.ts";

/** The method below the queue of a Node stream. It writes one chunk. */
interface DirectWriter {
  _write(chunk: Uint8Array, encoding: "buffer", callback: (error?: Error | null) => void): void;
}

const TRANSPORT = Symbol("transport");

type TransportSocket = Socket & DirectWriter & { [TRANSPORT]: SocketTransport };

/** What to tell the user if {@linkcode checkDirectWrite} returns false. */
export const SLOW_WRITES_NOTICE =
  "Socket._write() of this version of Deno has changed: using the slower Socket.write()";

/** Whether this thread writes with `Socket._write()`. See {@linkcode checkDirectWrite}. */
let writesDirectly = true;

/**
 * A transport over a `node:net` socket, or over a TLS socket on top of one.
 *
 * It calls `Socket._write()`, which writes within the call, and so reports at once whether the
 * system has taken everything. The public `Socket.write()` adds a queue, callbacks and ticks to
 * every write. They cost much when a message to 500 readers is 500 small writes, and they do
 * nothing here, because there is at most one write at a time. `Deno.Conn.write()` costs even more.
 * tests/bench/README.md has the figures.
 *
 * `_write()` is public in Node's streams only for implementers of streams. Call
 * {@linkcode checkDirectWrite} at the start of the process to be safe from a change in the runtime.
 */
export class SocketTransport implements Transport {
  listener: TransportListener;
  /** The first error of the socket. */
  error: Error | undefined;
  readonly #socket: TransportSocket;
  readonly #tcp: Socket;
  readonly #onWritten = (error?: Error | null) => this.#endWrite(error);
  #isWriting = false;
  /** Whether a call of {@linkcode write} is under way. */
  #isWithinCall = false;
  #endsAfterWrite = false;

  /** @param tcp The TCP socket below, if `socket` is a TLS socket. */
  constructor(socket: Socket, listener: TransportListener, tcp: Socket = socket) {
    this.listener = listener;
    this.#socket = socket as TransportSocket;
    this.#tcp = tcp;
    this.#socket[TRANSPORT] = this;
    socket.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
    // A TCP error also closes the TLS socket, which reports it.
    if (tcp !== socket) tcp.on("error", (error) => this.error ??= error);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#socket.destroyed) return false;
    this.#isWriting = true;
    this.#isWithinCall = true;
    if (writesDirectly) this.#socket._write(bytes, "buffer", this.#onWritten);
    else this.#socket.write(bytes, this.#onWritten);
    this.#isWithinCall = false;
    return !this.#isWriting;
  }

  end(): void {
    // The socket does not know of a direct write under way, and would end before it.
    if (this.#isWriting) this.#endsAfterWrite = true;
    else this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#tcp.destroy();
  }

  reset(): void {
    // If `tcp` is itself a TLS socket, the TCP socket below it is out of reach.
    if ((this.#tcp as Socket & { encrypted?: boolean }).encrypted) this.#tcp.destroy();
    else if (!this.#tcp.destroyed) this.#tcp.resetAndDestroy();
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * Stops using the socket and returns it, for a protocol above it such as TLS.
   *
   * @param unread Bytes that this transport has read for the next user of the socket.
   */
  detach(unread: Uint8Array): Socket {
    const socket = this.#socket;
    socket.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
    socket.pause();
    if (unread.length > 0) socket.unshift(unread);
    return socket;
  }

  #endWrite(error?: Error | null): void {
    if (error) return void this.#socket.destroy(error);
    if (this.#socket.destroyed) return;
    this.#isWriting = false;
    if (!this.#isWithinCall) this.listener.onWritten();
    if (this.#endsAfterWrite && !this.#isWriting) this.#socket.end();
  }
}

// All sockets share these functions. Closures would cost megabytes at 10,000 connections.

function onData(this: Socket, bytes: Uint8Array): void {
  // Not as a Buffer: its slice() does not copy, unlike that of other byte arrays.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  (this as TransportSocket)[TRANSPORT].listener.onData(plain);
}

function onEnd(this: Socket): void {
  (this as TransportSocket)[TRANSPORT].listener.onEnd();
}

function onError(this: Socket, error: Error): void {
  (this as TransportSocket)[TRANSPORT].error ??= error;
}

function onClose(this: Socket): void {
  const { listener, error } = (this as TransportSocket)[TRANSPORT];
  listener.onGone(error);
}

/**
 * Checks on a loopback connection that `Socket._write()` writes within the call. If it does not,
 * all transports of this thread use `Socket.write()` from now on: they are slower, but work.
 *
 * Call it once per thread, before the first connection. It takes about 3 ms. If this process may
 * not open a loopback connection, the check changes nothing.
 *
 * @returns True if transports write with `_write()`.
 */
export async function checkDirectWrite(): Promise<boolean> {
  const server = createServer((peer) => peer.on("error", () => {}).resume());
  try {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connect");
    writesDirectly = isWrittenWithinCall(socket as TransportSocket);
    socket.destroy();
  } catch {
    // There is no loopback connection to check with.
  }
  server.close();
  return writesDirectly;
}

function isWrittenWithinCall(socket: DirectWriter): boolean {
  let isWritten = false;
  try {
    socket._write(new Uint8Array(1), "buffer", (error) => isWritten = !error);
  } catch {
    return false;
  }
  return isWritten;
}
