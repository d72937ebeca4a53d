import type { Logger } from "@logtape/logtape";
import { setImmediate } from "node:timers";
import { AgeLimit, type AgeLimitOptions } from "../chat/age_limit.ts";
import { Chat } from "../chat/chat.ts";
import { SqliteHistory } from "../history/sqlite_history.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/transport/socket_transport.ts";
import { checkTcpTransport, SOCKETS_NOTICE } from "../websocket/transport/tcp_transport.ts";
import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config.ts";
import { Drain } from "./drain.ts";
import { DirectEngine } from "./engines/direct_engine.ts";
import { EventStreams } from "./engines/event_streams.ts";
import { Gateway } from "./engines/gateway.ts";
import { OpenWires } from "./engines/open_wires.ts";
import { ServeEngine } from "./engines/serve_engine.ts";
import { admit, type IncomingRequest } from "./http/admission.ts";
import { RoomsApi } from "./http/rooms_api.ts";
import { type Client, createHandler } from "./http/routes.ts";
import { OriginCheck, parseAllowedOrigin } from "./security/origin.ts";
import type { TlsFiles } from "./security/tls_files.ts";
import { listenOn } from "./start_failure.ts";

/** A running server. Disposing it drains it. */
export interface App extends AsyncDisposable {
  /** The URL of the chat page. Its host is `localhost` if the server listens on all addresses. */
  readonly url: URL;
  /** The number of connections in the chat. */
  readonly connectionCount: number;
  /** The number of rooms in memory: those with members or messages. */
  readonly roomCount: number;
  /** The number of connections that the engines hold, including those that are closing. */
  readonly openCount: number;
  /** The number of slow readers closed, and how many times one has skipped messages. */
  readonly slowReaders: Readonly<Record<"closed" | "skipped", number>>;
  /** Stops the server, see {@linkcode Drain}. Calling it twice is harmless. */
  drain(): Promise<void>;
  /**
   * Uses this certificate for new connections. Open ones continue.
   *
   * @returns False if `--engine serve` is set, because `Deno.serve` cannot change its certificate,
   * or if the server does not use TLS.
   */
  useTls(tls: TlsFiles): boolean;
  /** Resolves with the reason if the server has stopped accepting connections by itself. */
  readonly failed: Promise<unknown>;
}

/** What {@linkcode startApp} needs apart from the configuration. */
export interface AppOptions {
  readonly logger: Logger;
  /** If given, the server uses https and wss. */
  readonly tls: TlsFiles | undefined;
  /** The clocks; those of the system by default. */
  readonly clocks?: Pick<AgeLimitOptions, "readMs" | "monotonicMs">;
}

const SYSTEM_CLOCKS = { readMs: Date.now, monotonicMs: () => performance.now() };

/**
 * The composition root: creates the parts of the server, connects them, and listens.
 *
 * ```text
 *             ┌─ admitted upgrade ──▶ DirectEngine ──────────────────────┐
 * clients ──▶ Gateway                                                    ├──▶ Chat
 *             └─ pipe ──▶ Deno.serve ── createHandler ── RoomsApi, events ─┘
 * ```
 *
 * With `--engine serve` there is no gateway: clients connect to `Deno.serve`, and `createHandler`
 * passes admitted upgrades to `ServeEngine`.
 *
 * @throws {DataFileError} If the file of `--data` cannot be used.
 * @throws {ListenError} If the server cannot listen.
 */
export async function startApp(config: ServerConfig, options: AppOptions): Promise<App> {
  const { logger, clocks = SYSTEM_CLOCKS } = options;
  const { historyAgeMs } = config;
  const ageLimit = new AgeLimit({
    ...clocks,
    historyAgeMs,
    onJump: (jumpMs) =>
      logger.warning(
        "The system clock has jumped by {seconds} s: until it has been steady for " +
          "--history-age, or for 1 h if that is less, no message is deleted by its age",
        { seconds: Math.round(jumpMs / 1000) },
      ),
  });
  const history = config.data === "" ? undefined : await SqliteHistory.open({
    path: config.data,
    durability: config.durability,
    historyMessages: config.historyMessages,
    ageLimit,
    wait: {
      waitMs: config.dataWaitMs,
      onWait: () => logger.info("Waiting for --data: another server uses it"),
    },
    onError: (error) => logger.error("{error}", { error: (error as Error).message }),
  });
  try {
    return await start(config, { ...options, clocks, ageLimit, history });
  } catch (error) {
    await history?.[Symbol.asyncDispose]();
    throw error;
  }
}

interface StartOptions extends Required<AppOptions> {
  readonly ageLimit: AgeLimit;
  readonly history: SqliteHistory | undefined;
}

async function start(
  config: ServerConfig,
  { logger, tls, clocks, ageLimit, history }: StartOptions,
): Promise<App> {
  const { hostname, port, maxConnections, maxMessageBytes } = config;
  const { handshakeTimeoutMs, requestTimeoutMs, keepAliveMs, stallTimeoutMs } = config;
  if (config.engine === "direct" && !await checkDirectWrite()) logger.warning(SLOW_WRITES_NOTICE);
  const hasTls = tls !== undefined;
  // TLS needs a socket.
  const wantsHandles = config.engine === "direct" && !hasTls;
  const hasTcpTransport = wantsHandles && await checkTcpTransport();
  if (wantsHandles && !hasTcpTransport) logger.warning(SOCKETS_NOTICE);
  const chat = new Chat(config, {
    logger,
    history,
    // With the serve engine, messages arrive in promises, and a microtask would come after each.
    defer: config.engine === "direct" ? queueMicrotask : setImmediate,
    deferTurn: setImmediate,
    startTimer: setTimeout,
    readMs: clocks.readMs,
    ageLimit,
  });
  const wires = new OpenWires();
  const shared = { chat, wires };
  const serveEngine = config.engine === "serve" ? new ServeEngine(config, shared) : undefined;
  const directEngine = config.engine === "direct" ? new DirectEngine(config, shared) : undefined;
  const eventStreams = new EventStreams(config, shared);
  const isFull = () => wires.sizeWithUpgrades(performance.now()) >= maxConnections;
  const allowOrigin = config.allowOrigin.flatMap((text) => parseAllowedOrigin(text) ?? []);
  const drain = new Drain(config, logger);
  const readinessChecks = [
    () => drain.hasBegun ? "The server is stopping" : undefined,
    () => chat.rooms.isCommitFailing ? "Messages cannot be stored in --data" : undefined,
    () => isFull() ? "The server has reached --max-connections" : undefined,
  ];

  let originCheck: OriginCheck | undefined;
  const decide = (request: IncomingRequest) =>
    admit(request, {
      originCheck: originCheck ??= new OriginCheck({
        boundTo: address.hostname,
        hostname,
        allowOrigin,
      }),
      maxMessageBytes,
      isClosing: () => drain.isClosing,
      isFull,
      hasCapacityFor: (roomName) => chat.rooms.hasCapacityFor(roomName),
    });
  const logFault = (error: unknown) =>
    logger.error("A request failed: {error}", { error: String(error) });
  const roomsApi = new RoomsApi({
    chat,
    maxMessageBytes,
    requestTimeoutMs,
    isFull,
    eventStreams,
    onFault: logFault,
  });
  const serve = (
    options: Deno.ServeTcpOptions & Partial<TlsFiles>,
    clientOf: (info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Client | undefined,
  ) =>
    Deno.serve({
      ...options,
      onListen: () => {},
      onError: (error) => {
        logFault(error);
        return new Response("The server failed to handle this request\n", { status: 500 });
      },
      handler: createHandler({
        admit: decide,
        serveEngine,
        roomsApi,
        readinessChecks,
        clientOf: (info) => clientOf(info as Deno.ServeHandlerInfo<Deno.NetAddr>),
      }),
    });

  let httpServer: Deno.HttpServer<Deno.NetAddr>;
  let gateway: Gateway | undefined;
  let address: Deno.NetAddr;
  if (directEngine) {
    // Private: only the gateway's pipes may connect. Their local ports identify the clients.
    const privateAddress = { hostname: "127.0.0.1", port: 0 };
    httpServer = await listenOn(
      privateAddress,
      () => serve(privateAddress, (info) => gateway?.clientOf(info)),
    );
    try {
      const opened = gateway = new Gateway({
        hostname,
        port,
        tls,
        upstreamPort: httpServer.addr.port,
        timeouts: { handshakeTimeoutMs, requestTimeoutMs, keepAliveMs, stallTimeoutMs },
        hasTcpTransport,
        maxPipes: maxConnections,
        admit: decide,
        readinessChecks,
        directEngine,
        logger,
      });
      address = await listenOn({ hostname, port }, () => opened.open());
    } catch (error) {
      directEngine[Symbol.dispose]();
      await httpServer.shutdown();
      throw error;
    }
  } else {
    httpServer = await listenOn(
      { hostname, port },
      () =>
        serve({ hostname, port, ...tls }, ({ remoteAddr }) => ({
          address: formatAddress(remoteAddr),
        })),
    );
    address = httpServer.addr;
  }

  const failed = Promise.withResolvers<unknown>();
  httpServer.finished.catch(failed.resolve);
  const parts = { chat, wires, history, directEngine, gateway, httpServer };
  const drainOnce = () => drain.run(parts);

  return {
    failed: failed.promise,
    url: urlOf(address, hasTls),
    get connectionCount() {
      return chat.size;
    },
    get roomCount() {
      return chat.rooms.size;
    },
    get openCount() {
      return wires.size;
    },
    slowReaders: chat.slowReaders,
    drain: drainOnce,
    useTls: (tls) => {
      if (!gateway || !hasTls) return false;
      gateway.useTls(tls);
      return true;
    },
    [Symbol.asyncDispose]: drainOnce,
  };
}

function urlOf({ hostname, port }: Deno.NetAddr, isTls: boolean): URL {
  const isUnspecified = hostname === "0.0.0.0" || hostname === "::";
  const host = formatAddress({ hostname: isUnspecified ? "localhost" : hostname, port });
  return new URL(`${isTls ? "https" : "http"}://${host}/`);
}
