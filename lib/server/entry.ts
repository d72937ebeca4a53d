import type { Logger } from "@logtape/logtape";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/transport/socket_transport.ts";
import { checkTcpTransport, SOCKETS_NOTICE } from "../websocket/transport/tcp_transport.ts";
import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config.ts";
import { Gateway, type GatewayOptions } from "./engines/gateway.ts";
import type { Peer } from "./http/guard.ts";
import { HttpServer } from "./http_server.ts";
import type { TlsFiles } from "./security/tls_files.ts";
import { listenOn } from "./start_failure.ts";

/** What clients connect to, and the server of HTTP behind it. */
export interface Entry {
  /** The address that clients connect to. */
  readonly address: Deno.NetAddr;
  readonly httpServer: HttpServer;
  /** Undefined if clients connect to `Deno.serve`. */
  readonly gateway: Gateway | undefined;
}

/** Finds the peer of a request; undefined if the request did not come through the gateway. */
type PeerOf = (info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Peer | undefined;

/** What {@linkcode openEntry} needs. */
export interface EntryOptions {
  readonly hostname: string;
  readonly port: number;
  /**
   * Whether other processes may listen on the same port. `Deno.serve` has this option only with its
   * unstable API `net`, which deno.json turns on.
   */
  readonly reusePort: boolean;
  /** The open socket that the gateway listens on instead. */
  readonly listenFd: ServerConfig["listenFd"];
  readonly tls: TlsFiles | undefined;
  readonly logger: Logger;
  /** Creates the handler of `Deno.serve`. */
  readonly handlerOf: (peerOf: PeerOf) => Deno.ServeHandler<Deno.NetAddr>;
  /** Undefined to let clients connect to `Deno.serve`. */
  readonly gatewayOptions:
    | Omit<GatewayOptions, "endpoint" | "tls" | "upstreamPort" | "hasTcpTransport">
    | undefined;
}

/** The private `Deno.serve` listens here. */
const PRIVATE_ADDRESS = { hostname: "127.0.0.1", port: 0 };

/**
 * Listens: with a gateway that has a private `Deno.serve` behind it, or with `Deno.serve` alone.
 *
 * @throws {ListenError} If it cannot listen.
 */
export async function openEntry(options: EntryOptions): Promise<Entry> {
  const { hostname, port, reusePort, listenFd, tls, handlerOf, gatewayOptions, logger } = options;
  if (!gatewayOptions) {
    const handler = handlerOf(({ remoteAddr }) => ({
      address: formatAddress(remoteAddr),
      ip: remoteAddr.hostname,
    }));
    const httpServer = await HttpServer.open({
      address: { hostname, port, reusePort, ...tls },
      handler,
      logger,
    });
    return { address: httpServer.addr, httpServer, gateway: undefined };
  }
  if (!await checkDirectWrite()) logger.warning(SLOW_WRITES_NOTICE);
  // TLS needs a socket.
  const hasTcpTransport = !tls && await checkTcpTransport();
  if (!tls && !hasTcpTransport) logger.warning(SOCKETS_NOTICE);
  // Only the pipes of the gateway may connect. Their local ports identify the clients.
  let opened: Gateway | undefined;
  const handler = handlerOf((info) => opened?.peerOf(info));
  const httpServer = await HttpServer.open({ address: PRIVATE_ADDRESS, handler, logger });
  try {
    const upstreamPort = httpServer.addr.port;
    const fd = listenFd === "none" ? undefined : Number(listenFd);
    const endpoint = fd === undefined ? { host: hostname, port, reusePort } : { fd };
    const listening = { endpoint, tls, upstreamPort, hasTcpTransport };
    const gateway = opened = new Gateway({ ...gatewayOptions, ...listening });
    const address = await listenOn({ hostname, port, fd }, () => gateway.open());
    return { address, httpServer, gateway };
  } catch (error) {
    await httpServer.shutdown();
    throw error;
  }
}
