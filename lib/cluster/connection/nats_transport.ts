import {
  type ConnectionOptions,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import type { Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";

/**
 * Connects as `connect()` of nats.js does, with two of its faults mended:
 *
 * - It removes the listeners of sockets that may still fail, which ends the process. One connection
 *   in 50 whose user is not admitted does.
 * - It accepts a certificate for "localhost" from any server whose address is an IP address.
 *
 * @throws What nats.js throws. If TLS has failed late, it is the reason, not a timeout.
 */
export async function connectWithTransport(options: ConnectionOptions): Promise<NatsConnection> {
  let lateError: Error | undefined;
  const onLateError = (error: Error) => {
    lateError = error;
  };
  setTransportFactory({
    factory: () => new GuardedTransport(onLateError),
    dnsResolveFn: nodeResolveHost,
  });
  try {
    return await NatsConnectionImpl.connect(options);
  } catch (error) {
    throw lateError ?? error;
  }
}

class GuardedTransport extends NodeTransport {
  readonly #onLateError: (error: Error) => void;
  #hostname = "";

  constructor(onLateError: (error: Error) => void) {
    super();
    this.#onLateError = onLateError;
  }

  override connect(...place: Parameters<NodeTransport["connect"]>): Promise<void> {
    this.#hostname = place[0].hostname;
    return super.connect(...place);
  }

  override async dial(place: { hostname: string; port: number }): Promise<Socket> {
    return guarded(await super.dial(place));
  }

  override startTLS(): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const { tlsName, options: { tls } } = this;
    const socket = connect({
      ...tls,
      socket: this.socket,
      // The certificate must be for this host.
      host: tlsName || this.#hostname,
      ...(tlsName && { servername: tlsName }),
    });
    socket.once("secureConnect", () => {
      resolve(socket);
      socket.once("error", this.#onLateError);
    });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection is closed during TLS")));
    guarded(socket);
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
