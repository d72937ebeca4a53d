import type { Logger } from "@logtape/logtape";
import { SqliteHistory } from "../history/sqlite_history.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/socket_transport.ts";
import { formatAddress } from "./address.ts";
import { admit, type IncomingRequest } from "./admission.ts";
import { Chat } from "../chat/chat.ts";
import type { ServerConfig } from "./config.ts";
import { DirectEngine } from "./engines/direct_engine.ts";
import { EventStreams } from "./http/event_streams.ts";
import { Gateway } from "./engines/gateway.ts";
import { RoomsApi } from "./http/rooms_api.ts";
import { type Client, createHandler } from "./http/routes.ts";
import { ServeEngine } from "./engines/serve_engine.ts";
import type { TlsFiles } from "./security/tls_files.ts";
import { withinMs } from "./within.ts";

/** How long ending the connections that are left after a drain may take. */
const SHUTDOWN_MS = 100;

/** How long what is on its way into the durable history may take then. */
const HISTORY_CLOSE_MS = 2000;

/** A server that listens. */
export interface App extends AsyncDisposable {
  /** Where a browser finds it: a loopback name if it listens on every address. */
  readonly url: URL;
  /** How many connections are in the chat. */
  readonly connectionCount: number;
  /** How many rooms there are: those that somebody is in, or in which something is kept. */
  readonly roomCount: number;
  /** How many connections the engines hold, those that are closing among them. */
  readonly openCount: number;
  /** How many slow readers have been closed, and how many times one has missed something and stayed. */
  readonly slowReaders: Readonly<Record<"closed" | "skipped", number>>;
  /**
   * Takes nobody in any more, delivers what has been said, closes every connection with 1001 and waits for the answers, all
   * within `drainTimeoutMs`; then it ends what is left and stops listening. Draining twice is harmless.
   */
  drain(): Promise<void>;
  /** Resolves with the reason if the server can accept nobody any more, though nobody has told it to stop. */
  readonly failed: Promise<unknown>;
}

/** What {@linkcode startApp} needs beside the configuration. */
export interface AppOptions {
  readonly logger: Logger;
  /** With these the server speaks https and wss. */
  readonly tls: TlsFiles | undefined;
}

/**
 * Puts the parts together and listens.
 *
 * @throws {Error} With a `code`, such as `EADDRINUSE`, if it cannot listen.
 */
export async function startApp(
  config: ServerConfig,
  { logger, tls }: AppOptions,
): Promise<App> {
  const { hostname, port, maxConnections, drainTimeoutMs } = config;
  if (config.engine === "direct" && !await checkDirectWrite()) {
    logger.warning(SLOW_WRITES_NOTICE);
  }
  const history = config.data === "" ? undefined : await SqliteHistory.open({
    path: config.data,
    durability: config.durability,
    historyMessages: config.historyMessages,
    historyAgeMs: config.historyAgeMs,
  });
  const chat = new Chat(config, logger, history);
  const serveEngine = new ServeEngine(config, chat);
  const directEngine = config.engine === "direct" ? new DirectEngine(config, chat) : undefined;
  const eventStreams = new EventStreams(config, chat);
  const openCount = () => serveEngine.size + (directEngine?.size ?? 0) + eventStreams.size;
  const isFull = () => openCount() >= maxConnections;
  let drained: Promise<void> | undefined;

  const judge = (request: IncomingRequest) =>
    admit(request, {
      originPolicy: { boundTo: address.hostname, hostname, allowOrigin: config.allowOrigin },
      isDraining: () => drained !== undefined,
      isFull,
      hasCapacityFor: (roomName) => chat.rooms.hasCapacityFor(roomName),
    });
  const requestFault = (error: unknown) =>
    logger.error("A request failed: {error}", { error: String(error) });
  const serve = (
    options: Deno.ServeTcpOptions & Partial<TlsFiles>,
    clientAt: (address: Deno.NetAddr) => Client | undefined,
  ) =>
    Deno.serve({
      ...options,
      onListen: () => {},
      onError: (error) => {
        requestFault(error);
        return new Response("The server failed to answer this request\n", { status: 500 });
      },
      handler: createHandler({
        admit: judge,
        upgrade: (request, client, joinRequest) =>
          serveEngine.upgrade(request, client, joinRequest),
        roomsApi: new RoomsApi({
          config,
          chat,
          isFull,
          listen: (joinRequest, address) => eventStreams.open(joinRequest, address),
          onFault: requestFault,
        }),
        clientAt: ({ remoteAddr }) => clientAt(remoteAddr as Deno.NetAddr),
      }),
    });

  let server: Deno.HttpServer<Deno.NetAddr>;
  let gateway: Gateway | undefined;
  let address: Deno.NetAddr;
  if (directEngine) {
    // Only the door comes to this port, and knows by the local port of its pipe for which client it does.
    server = serve({ hostname: "127.0.0.1", port: 0 }, (address) => gateway?.clientAt(address));
    try {
      gateway = new Gateway({
        hostname,
        port,
        tls,
        upstreamPort: server.addr.port,
        handshakeTimeoutMs: config.handshakeTimeoutMs,
        maxPipes: maxConnections,
        // A WebSocket behind a pipe is pinged by Deno, so that it is never idle for so long.
        pipeIdleTimeoutMs: config.pingIntervalMs === 0 ? 0 : 2 * config.pingIntervalMs,
        admit: judge,
        serve: (connection) => directEngine.serve(connection),
        logger,
      });
      address = await gateway.open();
    } catch (error) {
      directEngine[Symbol.dispose]();
      await server.shutdown();
      await history?.[Symbol.asyncDispose]();
      throw error;
    }
  } else {
    server = serve({ hostname, port, ...tls }, (address) => ({ address: formatAddress(address) }));
    address = server.addr;
  }

  const drain = async () => {
    gateway?.close();
    const deadlineMs = performance.now() + drainTimeoutMs;
    // Readers that are slow to take what has been said must leave time for the close frames.
    await withinMs(drainTimeoutMs / 2, chat.rooms.flushed());
    eventStreams.closeAll();
    const closed = Promise.all([directEngine?.closeAll(), serveEngine.closeAll()]);
    await withinMs(deadlineMs - performance.now(), closed);
    // Answers under way, such as the last events, go out. The sockets whose peers have not answered end; it would wait for
    // ever for one whose peer has stopped reading.
    const shutdown = server.shutdown();
    await withinMs(SHUTDOWN_MS, shutdown);
    if (gateway) await withinMs(SHUTDOWN_MS, gateway.unpiped());
    directEngine?.[Symbol.dispose]();
    gateway?.closeConnections();
    await withinMs(SHUTDOWN_MS, shutdown);
    chat.rooms.stop();
    if (history) {
      const closed = history[Symbol.asyncDispose]();
      await withinMs(HISTORY_CLOSE_MS, closed.catch((error) => chat.historyFault(error)));
    }
  };

  const failed = Promise.withResolvers<unknown>();
  server.finished.catch(failed.resolve);

  return {
    failed: failed.promise,
    url: urlOf(address, tls !== undefined),
    get connectionCount() {
      return chat.size;
    },
    get roomCount() {
      return chat.rooms.size;
    },
    get openCount() {
      return openCount();
    },
    slowReaders: chat.slowReaders,
    drain: () => drained ??= drain(),
    [Symbol.asyncDispose]: () => drained ??= drain(),
  };
}

function urlOf({ hostname, port }: Deno.NetAddr, isTls: boolean): URL {
  const isUnspecified = hostname === "0.0.0.0" || hostname === "::";
  const host = formatAddress({ hostname: isUnspecified ? "localhost" : hostname, port });
  return new URL(`${isTls ? "https" : "http"}://${host}/`);
}
