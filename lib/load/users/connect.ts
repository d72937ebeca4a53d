import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ClientHandshake, HandshakeError, NOT_HTTP } from "../../websocket/client_handshake.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import { Connection as WebSocketConnection } from "../../websocket/connection.ts";
import { encodeFrame } from "../../websocket/frame.ts";
import { HeadReader } from "../../websocket/http_head.ts";
import { type MessageOpcode, OPCODE } from "../../websocket/opcode.ts";
import { SocketTransport } from "../../websocket/socket_transport.ts";
import type { TransportListener } from "../../websocket/transport.ts";
import { LONGEST_TIMER_MS } from "../delay.ts";
import { type ConnectFailure, connectFailure, handshakeTimeout } from "./connect_failure.ts";

/** The longest head of an answer to the handshake. */
const MAX_HEAD_BYTES = 16 * 1024;

/** The longest message that a user takes. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** How much waits to be sent on a connection whose server does not read, until it takes nothing more. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** How a connection ended. */
export interface Close {
  /** The close code; 1006 if the connection ended without one. */
  readonly code: number;
  readonly reason: string;
}

/** An open connection. */
export interface Connection {
  /** Resolves when the connection has ended, whoever ended it. */
  readonly closed: Promise<Close>;
  /** Whether messages still go both ways. */
  readonly isOpen: boolean;
  /** Whether the server has not read for so long that nothing more is taken. */
  readonly isBlocked: boolean;
  /**
   * Sends a text message.
   *
   * @returns False if it was dropped: the connection has begun to close, or the server has not read for a long time.
   */
  send(text: string): boolean;
  /** The same with the text in UTF-8. */
  sendText(text: Uint8Array): boolean;
  /** Reads again. */
  resume(): void;
  /** Begins the closing handshake. */
  close(code: number): void;
  /** Ends the TCP connection, if it has not ended. */
  destroy(): void;
}

/** Takes a message, `bytes` from `start` to `end`. They are lent: they are good until the call returns. */
export type OnMessage = (
  opcode: MessageOpcode,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void;

/** What is connected to, and what is sent with the handshake. */
export interface Target {
  readonly url: string;
  /** Headers beside those of the handshake itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** Subprotocols to offer, the best first. */
  readonly protocols: readonly string[];
  /** Certificates in PEM to trust instead of the system's; undefined trusts those. */
  readonly caCerts: string | undefined;
  /** Whether any certificate is trusted. */
  readonly isInsecure: boolean;
}

/** What {@linkcode connect} needs beside the target. */
export interface ConnectOptions {
  readonly timeoutMs: number;
  /** Gives the attempt up. It does nothing to an open connection. */
  readonly signal: AbortSignal;
  /** Asked for the time at each read. */
  readonly clock: { readonly nowMs: number };
  /** Whether nothing is read once the connection is open, so that what the server sends piles up there. */
  readonly isPaused: boolean;
  readonly onMessage: OnMessage;
}

/** How an attempt ended: open, failed, or given up by its signal. */
export type Attempt =
  | { readonly connection: Connection }
  | { readonly failure: ConnectFailure }
  | { readonly aborted: true };

/** Opens a WebSocket. A failure is a value, as it is a result of a load run like any other. */
export function connect(target: Target, options: ConnectOptions): Promise<Attempt> {
  const { timeoutMs, signal } = options;
  const { url } = target;
  if (signal.aborted) return Promise.resolve({ aborted: true });
  const attempt = Promise.withResolvers<Attempt>();
  const handshake = new ClientHandshake(new URL(url), target);
  const head = new HeadReader(MAX_HEAD_BYTES);
  let socket: Socket;
  try {
    socket = connectTo(target);
  } catch (error) {
    // The certificates to trust are none.
    return Promise.resolve({ failure: connectFailure(url, error) });
  }

  const end = (result: Attempt) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    attempt.resolve(result);
    if (!("connection" in result)) transport.destroy();
  };
  const fail = (error: unknown) => end({ failure: connectFailure(url, error) });
  const abort = () => end({ aborted: true });
  const timer = setTimeout(
    () => end({ failure: handshakeTimeout(url, timeoutMs) }),
    Math.min(timeoutMs, LONGEST_TIMER_MS),
  );
  signal.addEventListener("abort", abort);

  const listener: TransportListener = {
    onData: (bytes) => {
      try {
        const parts = head.push(bytes);
        if (!parts) return;
        handshake.complete(parts.head);
        const connection = new OpenConnection(transport, options);
        end({ connection });
        if (options.isPaused) transport.pause();
        if (parts.rest.length > 0) connection.received(parts.rest);
      } catch (error) {
        fail(error);
      }
    },
    onEnd: () => fail(head.bytes.length > 0 ? new HandshakeError(NOT_HTTP) : undefined),
    onGone: fail,
  };
  const transport = new SocketTransport(socket, listener);
  socket.setNoDelay(true);
  socket.once(url.startsWith("wss:") ? "secureConnect" : "connect", () => {
    transport.write(handshake.request, () => {});
  });
  return attempt.promise;
}

function connectTo({ url, caCerts, isInsecure }: Target): Socket {
  const { protocol, hostname, port } = new URL(url);
  // Brackets are part of an IPv6 address in a URL only.
  const host = hostname.replace(/^\[|\]$/g, "");
  const isSecure = protocol === "wss:";
  const options = { host, port: Number(port || (isSecure ? 443 : 80)), allowHalfOpen: true };
  if (!isSecure) return connectTcp(options);
  return connectTls({
    ...options,
    rejectUnauthorized: !isInsecure,
    ...(caCerts === undefined ? {} : { ca: caCerts }),
    // A certificate is checked against a name; an address is none (RFC 6066 section 3).
    ...(/[a-z]/i.test(host) ? { servername: host } : {}),
  });
}

class OpenConnection implements Connection {
  readonly closed: Promise<Close>;
  readonly #transport: SocketTransport;
  readonly #connection: WebSocketConnection;
  /** What has been handed over since the system last took everything. */
  #waitingBytes = 0;

  constructor(transport: SocketTransport, { clock, onMessage }: ConnectOptions) {
    this.#transport = transport;
    const closed = Promise.withResolvers<Close>();
    this.closed = closed.promise;
    this.#connection = new WebSocketConnection(
      transport,
      { role: "client", maxMessageBytes: MAX_MESSAGE_BYTES, clock },
      {
        onMessage,
        onClosing: () => {},
        onClosed: (status: CloseStatus) => closed.resolve(status),
        holdReading: () => undefined,
      },
    );
  }

  /** Handles what has come in behind the handshake. */
  received(bytes: Uint8Array): void {
    this.#connection.onData(bytes);
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  get isBlocked(): boolean {
    if (this.#connection.writingSinceMs === undefined) this.#waitingBytes = 0;
    return this.#waitingBytes >= MAX_WAITING_BYTES;
  }

  send(text: string): boolean {
    return this.sendText(new TextEncoder().encode(text));
  }

  sendText(text: Uint8Array): boolean {
    if (!this.#connection.isOpen) return false;
    if (this.isBlocked) return false;
    this.#waitingBytes += text.length;
    this.#connection.sendFrames(encodeFrame(OPCODE.text, text, randomKey()));
    return true;
  }

  resume(): void {
    this.#transport.resume();
  }

  close(code: number): void {
    this.#connection.close(code, "");
  }

  destroy(): void {
    this.#connection.destroy({ code: 1006, reason: "given up" });
  }
}

function randomKey(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
