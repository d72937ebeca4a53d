import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import process from "node:process";
import { getSystemErrorName } from "node:util";
import { IGNORE_EVENTS, type Transport, type TransportListener } from "./transport.ts";

/** What to tell the user if {@linkcode checkTcpTransport} returns false. */
export const SOCKETS_NOTICE =
  "The TCP handles of this version of Deno have changed: using the slower sockets of node:net";

/** The TCP handle below a `node:net` socket. Results are 0, or a negative error number. */
export interface TcpHandle {
  /** Called after each read, with the result in {@linkcode STATE}. */
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

/** More than a system takes in one write. */
const CHECK_BYTES = 16 * 1024 ** 2;

/** How long {@linkcode checkTcpTransport} waits for an answer. */
const CHECK_TIMEOUT_MS = 1000;

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

/** Where handles leave their results: at 0 that of a read, and at 3 whether a write waits. */
const STATE = streamState();
const READ_RESULT = 0, IS_WRITE_WAITING = 3;

/** The read result at the end of the peer's direction. */
const END_OF_STREAM = -4095;

/** All handles of a thread read into this buffer, one at a time. */
const readBuffer = new Uint8Array(64 * 1024);

/** A handle and its transport. */
type OwnedHandle = TcpHandle & { [OWNER]: TcpTransport };

const OWNER = Symbol("transport");

/**
 * A transport on a TCP handle, without the `node:net` socket above it. It takes less memory than a
 * socket, and its reads and writes less time: tests/bench/README.md has the figures.
 *
 * The handle is an internal interface of Node. Call {@linkcode checkTcpTransport} before using it.
 */
export class TcpTransport implements Transport {
  listener: TransportListener;
  readonly #handle: TcpHandle;
  #isDestroyed = false;
  #isReading = false;
  #hasEnded = false;
  #hasPeerEnded = false;
  #error: Error | undefined;
  /** The bytes of the write under way. The handle reads them, but does not hold them. */
  protected writing: Uint8Array | undefined;

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
    if (result === 0 && STATE[IS_WRITE_WAITING] === 0) return true;
    if (result !== 0) this.#fail("write", result);
    this.writing = bytes;
    return false;
  }

  /** Called by the handle when a write has finished later than within the call. */
  oncomplete(status: number): void {
    if (this.#isDestroyed) return;
    if (status !== 0) return this.#fail("write", status);
    this.writing = undefined;
    this.listener.onWritten();
  }

  end(): void {
    if (this.#isDestroyed) return;
    this.#handle.shutdown({
      oncomplete: () => {
        this.#hasEnded = true;
        if (this.#hasPeerEnded) this.destroy();
      },
    });
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#handle.close(() => {
      this.writing = undefined;
      this.listener.onGone(this.#error);
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
    if (result > 0) return this.listener.onData(readBuffer.subarray(0, result));
    if (result !== END_OF_STREAM) return this.#fail("read", result);
    this.#hasPeerEnded = true;
    this.listener.onEnd();
    if (this.#hasEnded) this.destroy();
  }

  #fail(call: "read" | "write", result: number): void {
    this.#error ??= new Error(`${call} ${getSystemErrorName(result)}`);
    this.destroy();
  }
}

function onRead(this: TcpHandle): void {
  (this as OwnedHandle)[OWNER].onRead(STATE[READ_RESULT]!);
}

/** Makes a server report each connection as a transport instead of a socket. */
export function acceptTransports(server: Server): void {
  (server as ServerInternals)._createSocket = (handle) => new TcpTransport(handle, IGNORE_EVENTS);
}

type ServerInternals = Server & {
  _createSocket(handle: TcpHandle): TcpTransport;
  readonly _handle: TcpHandle;
};

function streamState(): Int32Array {
  const { binding } = process as { binding?: (name: string) => { streamBaseState?: Int32Array } };
  return binding?.("stream_wrap").streamBaseState ?? new Int32Array(5);
}

/**
 * Checks on a loopback connection that handles work as {@linkcode TcpTransport} needs it. Takes
 * about 15 ms.
 */
export async function checkTcpTransport(): Promise<boolean> {
  const server = createServer() as ServerInternals;
  try {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const isComplete = typeof server._createSocket === "function" &&
      METHODS.every((name) => typeof server._handle[name] === "function");
    return isComplete && await checkExchange(server);
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/** Reads, writes more than the system takes at once, and ends. */
async function checkExchange(server: Server): Promise<boolean> {
  const events: string[] = [];
  const gone = Promise.withResolvers<void>();
  const timer = setTimeout(gone.resolve, CHECK_TIMEOUT_MS);
  let receivedBytes = 0;
  acceptTransports(server);
  readBuffer.fill(0, 0, 2);
  server.on("connection", (transport: TcpTransport) => {
    transport.listener = {
      onData: (bytes) => {
        events.push(`read ${bytes}`);
        events.push(`written ${transport.write(new Uint8Array(1))}`);
        events.push(`written ${transport.write(new Uint8Array(CHECK_BYTES))}`);
        peer.resume();
      },
      onWritten: () => {
        events.push("written later");
        transport.end();
      },
      onEnd: () => events.push("ended"),
      onGone: () => gone.resolve(),
    };
  });
  const { port } = server.address() as AddressInfo;
  const peer = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  peer.on("error", () => {}).on("data", (bytes) => receivedBytes += bytes.length);
  peer.on("end", () => peer.end()).pause().write(Uint8Array.of(1, 2));
  await gone.promise;
  clearTimeout(timer);
  peer.destroy();
  return receivedBytes === 1 + CHECK_BYTES &&
    events.join() === "read 1,2,written true,written false,written later,ended";
}
