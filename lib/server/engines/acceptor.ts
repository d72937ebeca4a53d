import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { SocketTransport } from "../../websocket/transport/socket_transport.ts";
import { TcpTransport } from "../../websocket/transport/tcp_transport.ts";
import { IGNORE_EVENTS, type Transport } from "../../websocket/transport/transport.ts";
import type { TlsFiles } from "../security/tls_files.ts";
import { ProxyHeaderReader } from "./proxy_header_reader.ts";
import type { Source } from "./proxy_protocol.ts";

/** What an {@linkcode Acceptor} needs. */
export interface AcceptorOptions {
  readonly tls: TlsFiles | undefined;
  /** Whether an IP address is that of a trusted proxy. */
  readonly isProxy: (ip: string) => boolean;
  /** The time for a header of the PROXY protocol; 0 disables the limit. */
  readonly handshakeTimeoutMs: number;
  /**
   * Called with each connection, when its client is known.
   *
   * @param received Bytes that have been read already. They are lent.
   */
  readonly onAccepted: (transport: Transport, source: Source, received: Uint8Array) => void;
  /** Called when a connection has failed before. */
  readonly onFailed: (error: Error) => void;
}

/**
 * Prepares connections for HTTP:
 *
 * ```text
 * accepted ──from a proxy──▶ PROXY header, if any ──┬──▶ TLS, if it is on ──▶ onAccepted
 *  └──from another address──────────────────────────┘
 * ```
 */
export class Acceptor {
  readonly #options: AcceptorOptions;
  #secureContext: SecureContext | undefined;
  readonly #readers = new Set<ProxyHeaderReader>();

  constructor(options: AcceptorOptions) {
    this.#options = options;
    if (options.tls) this.useTls(options.tls);
  }

  /** Uses this certificate for the connections accepted from now on. */
  useTls(tls: TlsFiles): void {
    this.#secureContext = createSecureContext({ ...tls });
  }

  /** Takes a connection that the listener has accepted. A transport cannot have TLS. */
  accept(accepted: Socket | TcpTransport): void {
    const address = accepted instanceof TcpTransport ? accepted.remoteAddress : addressOf(accepted);
    // Undefined if the client has already disconnected.
    if (address === undefined) return void accepted.destroy();
    const isProxy = this.#options.isProxy(address.hostname);
    if (accepted instanceof TcpTransport) {
      if (isProxy) this.#readHeader(accepted, address, this.#options.onAccepted);
      else this.#options.onAccepted(accepted, address, NOTHING);
    } else if (isProxy) {
      const transport = new SocketTransport(accepted, IGNORE_EVENTS);
      this.#readHeader(transport, address, (_, source, rest) => {
        if (this.#secureContext) this.#acceptSocket(transport.detach(rest), source);
        else this.#options.onAccepted(transport, source, rest);
      });
    } else this.#acceptSocket(accepted, address);
  }

  /** Enforces the deadline of headers. */
  check(nowMs: number): void {
    for (const reader of this.#readers) reader.check(nowMs);
  }

  /** Closes the connections that are not ready. */
  closeConnections(): void {
    for (const { transport } of this.#readers) transport.destroy();
  }

  #acceptSocket(tcp: Socket, source: Source): void {
    const secureContext = this.#secureContext;
    const socket = secureContext ? new TLSSocket(tcp, { isServer: true, secureContext }) : tcp;
    this.#options.onAccepted(new SocketTransport(socket, IGNORE_EVENTS, tcp), source, NOTHING);
  }

  #readHeader(
    transport: Transport,
    address: Source,
    onRead: AcceptorOptions["onAccepted"],
  ): void {
    const reader = new ProxyHeaderReader(transport, this.#options.handshakeTimeoutMs, {
      onRead: (source, rest) => {
        this.#readers.delete(reader);
        onRead(transport, source ?? address, rest);
      },
      onGone: (error) => {
        this.#readers.delete(reader);
        if (error) this.#options.onFailed(error);
      },
    });
    this.#readers.add(reader);
  }
}

const NOTHING = new Uint8Array(0);

function addressOf({ remoteAddress, remotePort }: Socket): Source | undefined {
  return remoteAddress === undefined ? undefined : { hostname: remoteAddress, port: remotePort! };
}
