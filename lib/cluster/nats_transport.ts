import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import {
  type ConnectionOptions,
  type NatsConnection,
  NatsConnectionImpl,
  setTransportFactory,
} from "@nats-io/transport-node";
import type { Socket } from "node:net";

/**
 * Connects to NATS as `connect` of nats.js does.
 *
 * nats.js removes all listeners of a socket before it closes it, those for errors, too. In Deno, a
 * socket that was reset then still emits an error, which would end the program.
 */
export function connectNats(options: ConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new NatsTransport(), dnsResolveFn: nodeResolveHost });
  return NatsConnectionImpl.connect(options);
}

/** The transport of nats.js, whose sockets always have a listener for errors. */
class NatsTransport extends NodeTransport {
  override async dial(address: Parameters<NodeTransport["dial"]>[0]) {
    return withErrorListener(await super.dial(address));
  }

  override async startTLS() {
    return withErrorListener(await super.startTLS());
  }
}

function withErrorListener<T extends Socket>(socket: T): T {
  const ignore = () => {};
  const removeAllListeners = socket.removeAllListeners;
  socket.removeAllListeners = (...event) => {
    removeAllListeners.apply(socket, event);
    return socket.on("error", ignore);
  };
  socket.on("error", ignore);
  return socket;
}
