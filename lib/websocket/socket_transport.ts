import type { Socket } from "node:net";
import type { Transport, TransportListener } from "./transport.ts";

/** The method with which a stream of Node's writes one chunk, once its own queue lets it. */
interface StreamWriter {
  _write(chunk: Uint8Array, encoding: "buffer", callback: (error?: Error | null) => void): void;
}

const TRANSPORT = Symbol("transport");

type TransportSocket = Socket & StreamWriter & { [TRANSPORT]: SocketTransport };

/**
 * A transport over a `node:net` socket, or over a TLS socket on top of one.
 *
 * A broadcast to 500 readers is 500 small writes, so what the runtime adds to each system call counts: `Deno.Conn.write()`
 * adds most, then `Socket.write()` with its queue, its callbacks and their ticks (tests/bench/README.md). At most one write is
 * under way here, so there is nothing to queue, and the writer below the queue, `_write()`, is called at once. It writes within
 * the call, and so says at once whether the system has taken everything.
 */
export class SocketTransport implements Transport {
  listener: TransportListener;
  /** What went wrong first. */
  error: Error | undefined;
  readonly #socket: TransportSocket;
  readonly #tcp: Socket;
  readonly #written: (error?: Error | null) => void;
  #isWriting = false;
  #endsAfterWrite = false;
  #onWritten: (() => void) | undefined;

  /** @param tcp The TCP socket below, if `socket` is one of TLS. */
  constructor(socket: Socket, listener: TransportListener, tcp: Socket = socket) {
    this.listener = listener;
    this.#socket = socket as TransportSocket;
    this.#tcp = tcp;
    this.#written = (error) => this.#endWrite(error);
    this.#socket[TRANSPORT] = this;
    socket.on("data", onData).on("end", onEnd).on("error", onError).on("close", onClose);
    // An error of TCP ends TLS too, which tells of it.
    if (tcp !== socket) tcp.on("error", (error) => this.error ??= error);
  }

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    if (this.#socket.destroyed) return false;
    this.#isWriting = true;
    this.#socket._write(bytes, "buffer", this.#written);
    if (!this.#isWriting) return true;
    this.#onWritten = onWritten;
    return false;
  }

  end(): void {
    // The socket knows nothing of a write below its queue, and would end before it.
    if (this.#isWriting) this.#endsAfterWrite = true;
    else this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#tcp.destroy();
  }

  reset(): void {
    // A TLS socket that has not told of the TCP socket below it can only be destroyed.
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

  #endWrite(error?: Error | null): void {
    if (error) return void this.#socket.destroy(error);
    if (this.#socket.destroyed) return;
    this.#isWriting = false;
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    onWritten?.();
    if (this.#endsAfterWrite && !this.#isWriting) this.#socket.end();
  }
}

// The listeners are the same for all sockets: ten thousand times four closures are some megabytes.

function onData(this: Socket, bytes: Uint8Array): void {
  (this as TransportSocket)[TRANSPORT].listener.onData(bytes);
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
