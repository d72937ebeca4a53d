import {
  type ConnectionOptions,
  type NatsConnection,
  NatsConnectionImpl,
  type ServerInfo,
  setTransportFactory,
} from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/** The server demands a certificate of the client, which has none. */
export class ClientCertificateError extends Error {
  override readonly name = "ClientCertificateError";
}

/**
 * Connects as `connect()` of nats.js does, with these faults mended:
 *
 * - It removes the listeners of sockets that may still fail, which ends the process. One connection
 *   in 50 whose user is not admitted does.
 * - It accepts a certificate for "localhost" from any server whose address is an IP address.
 *
 * @throws {ClientCertificateError} Apart from what nats.js throws.
 */
export async function connectWithTransport(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({
    factory: () => new GuardedTransport(),
    dnsResolveFn: nodeResolveHost,
  });
  return await NatsConnectionImpl.connect(options);
}

class GuardedTransport extends NodeTransport {
  #hostname = "";

  override connect(...place: Parameters<NodeTransport["connect"]>): Promise<void> {
    this.#hostname = place[0].hostname;
    return super.connect(...place);
  }

  override async dial(place: { hostname: string; port: number }): Promise<Socket> {
    return guarded(await super.dial(place));
  }

  override async peekInfo(): Promise<ServerInfo> {
    const info = await super.peekInfo();
    if (info.tls_verify) throw new ClientCertificateError("NATS demands a client certificate");
    return info;
  }

  override startTLS(): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const { tlsName, options: { tls } } = this;
    const socket = guarded(connect({
      ...tls,
      socket: this.socket,
      // The certificate must be for this host.
      host: tlsName || this.#hostname,
      ...(tlsName && { servername: tlsName }),
    }));
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection is closed during TLS")));
    return promise;
  }
}

/** Ignores the errors of a socket that has no other listener for them. */
function guarded<T extends Socket>(socket: T): T {
  const ignore = () => {};
  const removeAllListeners = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...event) => {
    removeAllListeners(...event);
    return socket.on("error", ignore);
  };
  return socket.on("error", ignore);
}
