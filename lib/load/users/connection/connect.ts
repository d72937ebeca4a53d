import { ClientHandshake, HandshakeError, NOT_HTTP } from "../../../websocket/client_handshake.ts";
import type { CloseStatus } from "../../../websocket/close_frame.ts";
import { Connection as WebSocketConnection } from "../../../websocket/connection.ts";
import { type MessageOpcode, OPCODE } from "../../../websocket/frame.ts";
import type { Heartbeat, HeartbeatOptions, Watched } from "../../../websocket/heartbeat.ts";
import { HeadReader } from "../../../websocket/http_head.ts";
import { SocketTransport } from "../../../websocket/transport/socket_transport.ts";
import type { TransportListener } from "../../../websocket/transport/transport.ts";
import { LONGEST_TIMER_MS } from "../../delay.ts";
import { NO_ANSWER } from "../../measure/summary.ts";
import { certificateFailure, isCertificateError } from "./certificate_failure.ts";
import {
  type ConnectFailure,
  connectFailure,
  handshakeTimeout,
  needsTls,
  otherProtocol,
  unreachableFrom,
} from "./connect_failure.ts";
import type { NameLookup } from "./name_lookup.ts";
import { localAddressOf, openSocket } from "./open_socket.ts";
import { ReadThrottle } from "./read_throttle.ts";

/** The size limit of the head of the server's response to the handshake. */
const MAX_HEAD_BYTES = 16 * 1024;

/** The size limit of a message that a user accepts. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** How many bytes may wait to be sent before a connection accepts no more messages. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** The first byte of a TLS alert, with which a server may answer plain HTTP (RFC 8446, 5.1). */
const TLS_ALERT = 0x15;

/** Handles a message: `bytes` from `start` to `end`. They are valid until the call returns. */
export type OnMessage = (
  opcode: MessageOpcode,
  bytes: Uint8Array,
  start: number,
  end: number,
) => void;

/** The server to connect to, and how. */
export interface Target {
  readonly url: string;
  /** Headers to add to those of the handshake. */
  readonly headers: Readonly<Record<string, string>>;
  /** The subprotocols to offer, in order of preference. */
  readonly protocols: readonly string[];
  /** Certificates in PEM to trust instead of the system's; undefined trusts the system's. */
  readonly caCerts: string | undefined;
  /** Whether to trust every certificate. */
  readonly isInsecure: boolean;
  /** The addresses of the server's name; undefined if each connection looks them up. */
  readonly lookup: NameLookup | undefined;
  /** The addresses to connect from, in turns; if there are none, the system chooses. */
  readonly localAddresses: readonly string[];
  /** How long the server may be silent, or take to answer a close frame. */
  readonly deadlines: HeartbeatOptions;
}

/** What {@linkcode connect} needs besides the target. */
export interface ConnectOptions {
  /**
   * The user's own URL and headers: of the target, with the room and the name. By their ids, users
   * take turns over the addresses of the target.
   */
  readonly user: {
    readonly id: number;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly timeoutMs: number;
  /** Cancels the attempt. It does not affect an open connection. */
  readonly signal: AbortSignal;
  /** Gives the time of each read from the server. */
  readonly clock: { readonly nowMs: number };
  /** Watches the open connection. */
  readonly heartbeat: Heartbeat;
  /**
   * How an open connection reads until {@linkcode Connection.resume}: everything, nothing, or with
   * a throttle.
   */
  readonly reading: "everything" | "nothing" | ReadThrottle;
  /** The subprotocol that the server must choose; undefined accepts any. */
  readonly requiredProtocol?: string | undefined;
  readonly onMessage: OnMessage;
  /** Called after the messages of a read. Their bytes are still valid. */
  readonly onRead?: (() => void) | undefined;
}

/** The result of an attempt to connect. `aborted` means that the signal has canceled it. */
export type Attempt<Opened = Connection> =
  | { readonly connection: Opened }
  | { readonly failure: ConnectFailure }
  | { readonly aborted: true };

/**
 * Opens a WebSocket.
 *
 * It does not throw if it fails: a failure is a result that the load run counts.
 */
export function connect(target: Target, options: ConnectOptions): Promise<Attempt> {
  const { timeoutMs, signal, user } = options;
  const { url, lookup } = target;
  if (signal.aborted) return Promise.resolve({ aborted: true });
  if (lookup && "failure" in lookup) return Promise.resolve(lookup);
  const attempt = Promise.withResolvers<Attempt>();
  const { protocols } = target;
  const handshake = new ClientHandshake(new URL(user.url), { headers: user.headers, protocols });
  const head = new HeadReader(MAX_HEAD_BYTES);
  const localAddress = localAddressOf(target, user.id);
  const socket = openSocket(target, user.id);

  const end = (result: Attempt | Promise<Attempt>) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    attempt.resolve(result);
    if (!("connection" in result)) transport.destroy();
  };
  const fail = (error: unknown) => {
    if (localAddress !== undefined && (error as { code?: string })?.code === "EINVAL") {
      return end({ failure: unreachableFrom(url, localAddress) });
    }
    if (!isCertificateError(error)) return end({ failure: connectFailure(url, error) });
    end(certificateFailure(target, error, timeoutMs).then((failure) => ({ failure })));
  };
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
        if (!parts) {
          if (head.bytes[0] === TLS_ALERT) end({ failure: needsTls(url) });
          return;
        }
        const protocol = handshake.complete(parts.head);
        const { requiredProtocol } = options;
        if (requiredProtocol !== undefined && protocol !== requiredProtocol) {
          return end({ failure: otherProtocol(url, requiredProtocol, protocol) });
        }
        const connection = new Connection(transport, options);
        end({ connection });
        // The connection is the transport's listener now.
        if (parts.rest.length > 0) transport.listener.onData(parts.rest);
      } catch (error) {
        fail(error);
      }
    },
    onWritten: () => {},
    onEnd: () => fail(head.bytes.length > 0 ? new HandshakeError(NOT_HTTP) : undefined),
    onGone: fail,
  };
  const transport = new SocketTransport(socket, listener);
  socket.setNoDelay(true);
  socket.once(url.startsWith("wss:") ? "secureConnect" : "connect", () => {
    transport.write(handshake.request);
  });
  return attempt.promise;
}

const CUT = "the client cut the connection";
const NO_CLOSE = "the server did not answer the close frame";

/** An open connection of a user. */
export class Connection implements Watched {
  /**
   * Resolves when the connection has ended. Without a close frame of the server the code is 1006,
   * even if this side began to close.
   */
  readonly closed: Promise<CloseStatus>;
  readonly #connection: WebSocketConnection;
  readonly #resume: () => void;
  /** Whether the user reads nothing, or slowly. Then the server's silence means nothing. */
  isHeldBack: boolean;

  constructor(transport: SocketTransport, options: ConnectOptions) {
    const { clock, heartbeat, reading, onMessage, onRead } = options;
    const closed = Promise.withResolvers<CloseStatus>();
    this.closed = closed.promise;
    this.#connection = new WebSocketConnection(
      transport,
      { role: "client", maxMessageBytes: MAX_MESSAGE_BYTES, clock },
      {
        onMessage,
        onClosing: () => {},
        onClosed: (status) => {
          heartbeat.delete(this);
          const isAnswered = status.code !== 1000 || this.#connection.isCloseReceived;
          closed.resolve(isAnswered ? status : { code: 1006, reason: NO_CLOSE });
        },
        get backlog() {
          onRead?.();
          return undefined;
        },
      },
    );
    this.isHeldBack = reading !== "everything";
    this.#resume = reading instanceof ReadThrottle
      ? reading.add(transport)
      : () => transport.resume();
    if (reading === "nothing") transport.pause();
    heartbeat.add(this);
  }

  /** True while messages go both ways. */
  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** True if so many bytes wait to be sent that the connection accepts no more messages. */
  get isBlocked(): boolean {
    return this.#connection.bufferedBytes >= MAX_BUFFERED_BYTES;
  }

  get lastReadAtMs(): number {
    return this.#connection.lastReadAtMs;
  }

  get pingedAtMs(): number | undefined {
    return this.#connection.pingedAtMs;
  }

  get closingSinceMs(): number | undefined {
    return this.#connection.closingSinceMs;
  }

  /** A server that does not read is pinged too: only its silence ends the connection. */
  readonly writingSinceMs = undefined;

  /**
   * Sends a text message.
   *
   * @returns False if the message was dropped, because the connection is blocked or not open.
   */
  send(text: string): boolean {
    return this.sendText(new TextEncoder().encode(text));
  }

  /** Sends a text message, however much waits to be sent. */
  sendAlways(text: Uint8Array): void {
    this.#connection.send(OPCODE.text, text);
  }

  /** Sends a text message that is already encoded in UTF-8. See {@linkcode send}. */
  sendText(text: Uint8Array): boolean {
    if (!this.isOpen || this.isBlocked) return false;
    this.#connection.send(OPCODE.text, text);
    return true;
  }

  ping(): void {
    this.#connection.ping();
  }

  /** From now on reads everything. */
  resume(): void {
    this.isHeldBack = false;
    this.#resume();
  }

  /** Closes the connection with 1000. Ends it without an answer after the deadline. */
  leave(): Promise<CloseStatus> {
    this.#connection.close({ code: 1000, reason: "" });
    return this.closed;
  }

  /** Ends the TCP connection with a reset, as a network does that fails. */
  cut(): void {
    this.#connection.destroy({ code: 1006, reason: CUT });
  }

  /** Ends the TCP connection without a close frame, because the server does not answer. */
  destroy(): void {
    this.#connection.destroy({ code: 1006, reason: NO_ANSWER });
  }
}
