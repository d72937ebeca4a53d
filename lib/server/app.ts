import type { Logger } from "@logtape/logtape";
import { Registry } from "../chat/registry.ts";
import type { ServerConfig } from "./config.ts";
import { createHandler } from "./routes.ts";
import { ServeEngine } from "./serve_engine.ts";

/** How long ending the sockets that are left after a drain may take. */
const SHUTDOWN_MS = 100;

/** A server that listens. */
export interface App extends AsyncDisposable {
  /** Where a browser finds it: a loopback name if it listens on every address. */
  readonly url: URL;
  /** How many connections are in the chat. */
  readonly connectionCount: number;
  /**
   * Takes nobody in any more, closes every connection with 1001, and gives the peers `drainTimeoutMs` to answer; then it
   * ends what is left and stops listening. Draining twice is harmless.
   */
  drain(): Promise<void>;
}

/**
 * Puts the parts together and listens.
 *
 * @throws {Deno.errors.AddrInUse} and other errors of `Deno.serve`, if it cannot listen.
 */
export function startApp(config: ServerConfig, logger: Logger): App {
  const registry = new Registry();
  const engine = new ServeEngine({ config, registry, logger });
  let drained: Promise<void> | undefined;

  const server = Deno.serve({
    hostname: config.hostname,
    port: config.port,
    onListen: () => {},
    onError: (error) => {
      logger.error("A request failed: {error}", { error: String(error) });
      return new Response("The server failed to answer this request\n", { status: 500 });
    },
    handler: createHandler({
      originPolicy: config,
      upgrade: (request, address) => engine.upgrade(request, address),
      isDraining: () => drained !== undefined,
    }),
  });
  const drain = async () => {
    await withinMs(config.drainTimeoutMs, engine.closeAll());
    // Ends the sockets whose peers have not answered. It would wait for ever for one whose peer has stopped reading.
    await withinMs(SHUTDOWN_MS, server.shutdown());
  };

  return {
    url: urlOf(server.addr),
    get connectionCount() {
      return registry.size;
    },
    drain: () => drained ??= drain(),
    [Symbol.asyncDispose]: () => drained ??= drain(),
  };
}

/** Resolves with the promise, or after this long without it. */
async function withinMs(ms: number, promise: Promise<void>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, ms);
  await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
}

function urlOf({ hostname, port }: Deno.NetAddr): URL {
  const isUnspecified = hostname === "0.0.0.0" || hostname === "::";
  const host = isUnspecified ? "localhost" : hostname.includes(":") ? `[${hostname}]` : hostname;
  return new URL(`http://${host}:${port}/`);
}
