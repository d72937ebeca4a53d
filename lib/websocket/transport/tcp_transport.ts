import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import process from "node:process";
import { getSystemErrorName } from "node:util";
import { ReadTurns } from "./read_turns.ts";
import { IGNORE_EVENTS, type Transport, type TransportListener } from "./transport.ts";

/** What to tell the user if {@linkcode checkTcpTransport} returns false. */
export const SOCKETS_NOTICE =
  "Cannot use the TCP handles of this Deno: the server uses the slower sockets of node:net";

/** The TCP handle below a `node:net` socket. Results are 0, or a negative error number. */
interface TcpHandle {
  /** Called after each read, with the result in {@linkcode state}. */
  onread: () => void;
  /** Lets the handle read into this buffer. */
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  /** If the write does not finish within the call, `request.oncomplete()` is called later. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  /** Ends this direction after the write under way. */
  shutdown(request: { oncomplete(): void }): number;
  /** Makes {@linkcode close} reset the connection. */
  reset(): number;
  close(onClosed: () => void): void;
  setNoDelay(isOn: boolean): number;
  getpeername(address: { address?: string; port?: number }): number;
}

interface WriteRequest {
  oncomplete(status: number): void;
}

/** Where handles leave their results: at 0 that of a read, and at 3 whether a write waits. */
let state = new Int32Array(5);
const READ_RESULT = 0, IS_WRITE_WAITING = 3;

/** The read result at the end of the peer's direction. */
const END_OF_STREAM = -4095;

/** All handles of a thread read into this buffer, one at a time. */
const readBuffer = new Uint8Array(64 * 1024);

/** After this many reads in a row that fill the buffer, it is the turn of others. */
const MAX_FULL_READS = 2;

const turns = new ReadTurns();

/** A handle and its transport. */
type OwnedHandle = TcpHandle & { [OWNER]: TcpTransport };

const OWNER = Symbol("transport");

/**
 * A transport on a TCP handle, without the `node:net` socket above it. It takes less memory than a
 * socket, and its reads and writes less time: tests/bench/README.md has the figures.
 *
 * The handle is an internal interface of Node: {@linkcode checkTcpTransport} must have returned
 * true in this thread.
 */
export class TcpTransport implements Transport {
  listener: TransportListener;
  readonly #handle: TcpHandle;
  #isDestroyed = false;
  #isReading = false;
  /** How many of the last reads have filled the buffer. */
  #fullReads = 0;
  #hasEnded = false;
  #hasPeerEnded = false;
  #error: Error | undefined;
  /** The bytes of the write under way, which must stay in memory. The handle does not hold them. */
  #writing: Uint8Array | undefined;

  /** Begins to read. */
  constructor(handle: TcpHandle, listener: TransportListener) {
    this.listener = listener;
    this.#handle = handle;
    (handle as OwnedHandle)[OWNER] = this;
    handle.onread = onRead;
    handle.useUserBuffer(readBuffer);
    handle.setNoDelay(true);
    this.resume();
  }

  /** The peer's address; undefined if it has already disconnected. */
  get remoteAddress(): { readonly hostname: string; readonly port: number } | undefined {
    const peer: { address?: string; port?: number } = {};
    this.#handle.getpeername(peer);
    return peer.address === undefined ? undefined : { hostname: peer.address, port: peer.port! };
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isDestroyed) return false;
    const result = this.#handle.writeBuffer(this, bytes);
    if (result === 0 && state[IS_WRITE_WAITING] === 0) return true;
    this.#writing = bytes;
    if (result !== 0) this.#fail("write", result);
    return false;
  }

  /** Called by the handle when a write has finished later than within the call. */
  oncomplete(status: number): void {
    if (this.#isDestroyed || !this.#writing) return;
    this.#writing = undefined;
    if (status !== 0) this.#fail("write", status);
    else this.#call(() => this.listener.onWritten());
  }

  end(): void {
    if (this.#isDestroyed) return;
    const result = this.#handle.shutdown({
      oncomplete: () => {
        this.#hasEnded = true;
        if (this.#hasPeerEnded) this.destroy();
      },
    });
    // If this fails, the connection is broken. The next read reports it, if there is one.
    if (result !== 0 && this.#hasPeerEnded) this.destroy();
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#handle.close(() => {
      this.#writing = undefined;
      this.#call(() => this.listener.onGone(this.#error));
    });
  }

  reset(): void {
    if (this.#isDestroyed) return;
    this.#handle.reset();
    this.destroy();
  }

  pause(): void {
    if (!this.#isReading || this.#isDestroyed) return;
    this.#isReading = false;
    this.#handle.readStop();
  }

  resume(): void {
    if (this.#isReading || this.#isDestroyed || this.#hasPeerEnded) return;
    this.#isReading = true;
    this.#handle.readStart();
  }

  /** Handles a read. `result` is the number of bytes, or an error. */
  onRead(result: number): void {
    if (this.#isDestroyed) return;
    if (result > 0) {
      if (result < readBuffer.length) this.#fullReads = 0;
      else if (++this.#fullReads === MAX_FULL_READS) this.#letOthersRead();
      return this.listener.onData(readBuffer.subarray(0, result));
    }
    if (result !== END_OF_STREAM) return this.#fail("read", result);
    this.#hasPeerEnded = true;
    this.#call(() => this.listener.onEnd());
    if (this.#hasEnded) this.destroy();
  }

  #letOthersRead(): void {
    this.#fullReads = 0;
    this.#handle.readStop();
    turns.wait(this);
  }

  /** Reads on when others have had their turn. */
  readOn(): void {
    if (this.#isReading && !this.#isDestroyed) this.#handle.readStart();
  }

  /** Calls the listener. Deno would ignore an error in all callbacks but that of a read. */
  #call(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.destroy();
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #fail(call: "read" | "write", result: number): void {
    this.destroy();
    this.#error ??= new Error(`${call} ${result < 0 ? getSystemErrorName(result) : result}`);
  }
}

function onRead(this: TcpHandle): void {
  (this as OwnedHandle)[OWNER].onRead(state[READ_RESULT]!);
}

/**
 * Makes a server report each connection as a transport instead of a socket.
 *
 * The server does not learn when a transport closes. So it never emits `close`, and its
 * `maxConnections` must not be set.
 */
export function acceptTransports(server: Server): void {
  (server as ServerInternals)._createSocket = (handle) => new TcpTransport(handle, IGNORE_EVENTS);
}

type ServerInternals = Server & {
  _createSocket(handle: TcpHandle): TcpTransport;
  readonly _handle: TcpHandle;
};

/** More than a system takes of a connection that is not read from. */
const CHECK_BYTES = 64 * 1024 ** 2;

/** How long {@linkcode checkTcpTransport} waits for an answer. */
const CHECK_TIMEOUT_MS = 10_000;

const METHODS = [
  "useUserBuffer",
  "readStart",
  "readStop",
  "writeBuffer",
  "shutdown",
  "reset",
  "close",
  "setNoDelay",
  "getpeername",
] as const;

/**
 * Checks on a loopback connection that handles work as {@linkcode TcpTransport} needs it. Call it
 * once per thread, before the first connection. It takes about 15 ms.
 */
export async function checkTcpTransport(): Promise<boolean> {
  const server = createServer() as ServerInternals;
  try {
    state = (process as unknown as NodeInternals).binding("stream_wrap").streamBaseState;
    await once(server.listen(0, "127.0.0.1"), "listening");
    const isComplete = state instanceof Int32Array && state.length > IS_WRITE_WAITING &&
      typeof server._createSocket === "function" &&
      METHODS.every((name) => typeof server._handle[name] === "function");
    return isComplete && await checkExchange(server);
  } catch {
    return false;
  } finally {
    server.close();
  }
}

interface NodeInternals {
  binding(name: "stream_wrap"): { readonly streamBaseState: Int32Array<ArrayBuffer> };
}

/** Reads, writes until the system takes no more, and ends. */
async function checkExchange(server: Server): Promise<boolean> {
  const events: string[] = [];
  const piece = new Uint8Array(256 * 1024);
  let sentBytes = 0, receivedBytes = 0;
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, CHECK_TIMEOUT_MS);
  acceptTransports(server);
  readBuffer.fill(0, 0, 2);
  let transport: TcpTransport | undefined;
  server.on("connection", (accepted: TcpTransport) => {
    transport = accepted;
    accepted.listener = {
      onData: (bytes) => {
        events.push(`read ${bytes}`);
        try {
          do sentBytes += piece.length; while (accepted.write(piece) && sentBytes < CHECK_BYTES);
        } catch {
          // Nothing else would catch it.
          return over.resolve();
        }
        peer.resume();
      },
      onWritten: () => {
        events.push("written later");
        accepted.end();
      },
      onEnd: () => events.push("ended"),
      onGone: () => over.resolve(),
    };
  });
  // A buffer of its own, or Deno would retain memory for the reads of this check.
  const onread = {
    buffer: new Uint8Array(64 * 1024),
    callback: (bytes: number) => (receivedBytes += bytes, true),
  };
  const { port } = server.address() as AddressInfo;
  const peer = connect({ host: "127.0.0.1", port, allowHalfOpen: true, onread });
  peer.on("error", () => over.resolve()).on("end", () => peer.end());
  peer.pause().write(Uint8Array.of(1, 2));
  await over.promise;
  clearTimeout(timer);
  peer.destroy();
  transport?.destroy();
  return receivedBytes === sentBytes && sentBytes > piece.length &&
    events.join() === "read 1,2,written later,ended";
}
