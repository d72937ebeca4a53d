import type { Logger } from "@logtape/logtape";
import { setImmediate } from "node:timers";
import { AgeLimit, type AgeLimitOptions } from "../chat/age_limit.ts";
import { Chat } from "../chat/chat.ts";
import { SqliteHistory } from "../history/sqlite_history.ts";
import { checkDirectWrite, SLOW_WRITES_NOTICE } from "../websocket/transport/socket_transport.ts";
import { checkTcpTransport, SOCKETS_NOTICE } from "../websocket/transport/tcp_transport.ts";
import { formatAddress } from "./address.ts";
import type { ServerConfig } from "./config.ts";
import { drain } from "./drain.ts";
import { DirectEngine } from "./engines/direct_engine.ts";
import { EventStreams } from "./engines/event_streams.ts";
import { Gateway } from "./engines/gateway.ts";
import { OpenWires } from "./engines/open_wires.ts";
import { ServeEngine } from "./engines/serve_engine.ts";
import { AdminApi } from "./http/admin_api.ts";
import { admit, type IncomingRequest } from "./http/admission.ts";
import { Guard, type Peer } from "./http/guard.ts";
import { RoomsApi } from "./http/rooms_api.ts";
import { createHandler } from "./http/routes.ts";
import type { AdminToken } from "./security/admin_token.ts";
import { OriginCheck, parseAllowedOrigin } from "./security/origin.ts";
import type { TlsFiles } from "./security/tls_files.ts";
import { AccessControl } from "./security/tokens/access_control.ts";
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
  /** Stops the server, see {@linkcode drain}. Calling it twice is harmless. */
  drain(): Promise<void>;
  /**
   * Uses this certificate for new connections. Open ones continue.
   *
   * @returns False if `--engine serve` is set, because `Deno.serve` cannot change its certificate,
   * or if the server does not use TLS.
   */
  useTls(tls: TlsFiles): boolean;
  /**
   * Reads the keys that verify tokens again. Connections keep the access that they have.
   *
   * @returns False if the server does not use tokens.
   * @throws {TokenKeyError} If the keys cannot be read or used. Then the old ones stay in use.
   */
  reloadTokenKeys(): Promise<boolean>;
  /** Resolves with the reason if the server has stopped accepting connections by itself. */
  readonly failed: Promise<unknown>;
}

/** What {@linkcode startApp} needs apart from the configuration. */
export interface AppOptions {
  readonly logger: Logger;
  /** If given, the server uses https and wss. */
  readonly tls: TlsFiles | undefined;
  /** If given, administrators can use the server's API for them. */
  readonly adminToken?: AdminToken | undefined;
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
 * @throws {TokenKeyError} If the keys that verify tokens cannot be used.
 * @throws {DataFileError} If the file of `--data` cannot be used.
 * @throws {ListenError} If the server cannot listen.
 */
export async function startApp(config: ServerConfig, options: AppOptions): Promise<App> {
  const { logger, clocks = SYSTEM_CLOCKS } = options;
  const { historyAgeMs } = config;
  const accessControl = await AccessControl.open(config, { logger, ...clocks });
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
    onError: (error) => logger.error("{error}", { error: (error as Error).message }),
  });
  try {
    return await start(config, { ...options, clocks, accessControl, ageLimit, history });
  } catch (error) {
    await history?.[Symbol.asyncDispose]();
    throw error;
  }
}

interface StartOptions extends AppOptions {
  readonly clocks: NonNullable<AppOptions["clocks"]>;
  readonly accessControl: AccessControl;
  readonly ageLimit: AgeLimit;
  readonly history: SqliteHistory | undefined;
}

async function start(
  config: ServerConfig,
  { logger, tls, adminToken, clocks, accessControl, ageLimit, history }: StartOptions,
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
    startInterval: (run, ms) => {
      const timer = setInterval(run, ms);
      return () => clearInterval(timer);
    },
    verifyToken: (token) => accessControl.verify(token),
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
  let drained: Promise<void> | undefined;

  let originCheck: OriginCheck | undefined;
  const decide = (request: IncomingRequest) =>
    admit(request, {
      originCheck: originCheck ??= new OriginCheck({
        boundTo: address.hostname,
        hostname,
        allowOrigin,
      }),
      maxMessageBytes,
      hasAdminApi: adminToken !== undefined,
      isDraining: () => drained !== undefined,
      isFull,
      hasCapacityFor: (roomName) => chat.rooms.hasCapacityFor(roomName),
    });
  const onFault = (error: unknown, requestId?: string) =>
    logger.error("A request failed: {error} (request {requestId})", {
      error: String(error),
      requestId,
    });
  const guard = new Guard({ authenticate: (headers) => accessControl.authenticate(headers) });
  const roomsApi = new RoomsApi({
    chat,
    guard,
    maxMessageBytes,
    requestTimeoutMs,
    isFull,
    eventStreams,
  });
  const serve = (
    options: Deno.ServeTcpOptions & Partial<TlsFiles>,
    peerOf: (info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Peer | undefined,
  ) =>
    Deno.serve({
      ...options,
      onListen: () => {},
      handler: createHandler({
        admit: decide,
        guard,
        serveEngine,
        roomsApi,
        adminApi: adminToken && new AdminApi({ chat, token: adminToken, logger }),
        onFault,
        peerOf: (info) => peerOf(info as Deno.ServeHandlerInfo<Deno.NetAddr>),
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
      () => serve(privateAddress, (info) => gateway?.peerOf(info)),
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
        guard,
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
          ip: remoteAddr.hostname,
        })),
    );
    address = httpServer.addr;
  }

  const failed = Promise.withResolvers<unknown>();
  httpServer.finished.catch(failed.resolve);
  const parts = { chat, wires, history, directEngine, gateway, httpServer };
  const drainOnce = () => drained ??= drain(parts, config.drainTimeoutMs);

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
    reloadTokenKeys: async () => {
      await accessControl.reload();
      return accessControl.usesTokens;
    },
    [Symbol.asyncDispose]: drainOnce,
  };
}

function urlOf({ hostname, port }: Deno.NetAddr, isTls: boolean): URL {
  const isUnspecified = hostname === "0.0.0.0" || hostname === "::";
  const host = formatAddress({ hostname: isUnspecified ? "localhost" : hostname, port });
  return new URL(`${isTls ? "https" : "http"}://${host}/`);
}
