import type { Logger } from "@logtape/logtape";
import { setImmediate } from "node:timers";
import { AgeLimit, type AgeLimitOptions } from "../chat/age_limit.ts";
import { Chat } from "../chat/chat.ts";
import { NatsBackplane } from "../cluster/nats_backplane.ts";
import { SqliteHistory } from "../history/sqlite_history.ts";
import { urlOf } from "./address.ts";
import { Capacity } from "./capacity.ts";
import type { ServerConfig } from "./config.ts";
import { Drain } from "./drain.ts";
import { openEntry } from "./entry.ts";
import { DirectEngine } from "./engines/direct_engine.ts";
import { EventStreams } from "./engines/event_streams.ts";
import { OpenWires } from "./engines/open_wires.ts";
import { ServeEngine } from "./engines/serve_engine.ts";
import { AdminApi } from "./http/admin_api.ts";
import { admit, type IncomingRequest } from "./http/admission.ts";
import { Guard } from "./http/guard.ts";
import { RoomsApi } from "./http/rooms_api.ts";
import { createHandler, type RoutesOptions } from "./http/routes.ts";
import { MetricsEndpoint } from "./metrics/metrics_endpoint.ts";
import { ServerCounters } from "./metrics/server_counters.ts";
import type { AdminToken } from "./security/admin_token.ts";
import { OriginCheck, parseAllowedOrigin } from "./security/origin.ts";
import type { TlsFiles } from "./security/tls_files.ts";
import { logLimitBytes, type MemoryUsage } from "./memory_limit.ts";
import { AddressLimits } from "./security/address_limits.ts";
import { Proxies } from "./security/proxies.ts";
import { AccessControl } from "./security/tokens/access_control.ts";

/** A running server. Disposing it drains it. */
export interface App extends AsyncDisposable {
  /** The URL of the chat page. Its host is `localhost` if the server listens on all addresses. */
  readonly url: URL;
  /** Where `--metrics-listen` serves the metrics; undefined without it. */
  readonly metricsUrl: URL | undefined;
  /** The rooms, the members, and what is counted. */
  readonly chat: Chat;
  /** The open connections, including those that are closing. */
  readonly wires: Pick<OpenWires, "size">;
  /** Stops the server, see {@linkcode Drain}. Calling it twice is harmless. */
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
}

/** What {@linkcode startApp} needs apart from the configuration. */
export interface AppOptions {
  readonly logger: Logger;
  /** If given, the server uses https and wss. */
  readonly tls: TlsFiles | undefined;
  /** If given, administrators can use the server's API for them. */
  readonly adminToken?: AdminToken | undefined;
  /** Where log lines go, which may drop some. */
  readonly output?: { readonly droppedCount: number };
  /** The clocks; those of the system by default. */
  readonly clocks?: Pick<AgeLimitOptions, "readMs" | "monotonicMs">;
  /** Ends the start while it waits for the file of `--data`, or for NATS. */
  readonly signal?: AbortSignal | undefined;
  /** How many files the process can open; undefined if that is enough, or unknown. */
  readonly openableFiles?: number | undefined;
  /** Reads the memory of the process. */
  readonly readMemory?: () => MemoryUsage;
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
 * @throws {ClusterError} If the NATS servers of `--nats` cannot be used.
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
    wait: {
      waitMs: config.dataWaitMs,
      onWait: () => logger.info("Waiting for --data: another server uses it"),
      signal: options.signal,
    },
    onError: (error) => logger.error("{error}", { error: (error as Error).message }),
  });
  const backplane = config.nats.length === 0 ? undefined : await NatsBackplane.open({
    ...config,
    servers: config.nats,
    credentialsFile: config.natsCredentials || undefined,
    caFile: config.natsCa || undefined,
    replicas: config.natsReplicas,
    logger,
    signal: options.signal,
  });
  try {
    return await start(config, { ...options, clocks, accessControl, ageLimit, history, backplane });
  } catch (error) {
    await history?.[Symbol.asyncDispose]();
    await backplane?.[Symbol.asyncDispose]();
    throw error;
  }
}

interface StartOptions extends AppOptions {
  readonly clocks: NonNullable<AppOptions["clocks"]>;
  readonly accessControl: AccessControl;
  readonly ageLimit: AgeLimit;
  readonly history: SqliteHistory | undefined;
  readonly backplane: NatsBackplane | undefined;
}

async function start(config: ServerConfig, options: StartOptions): Promise<App> {
  const { logger, tls, adminToken, output, clocks, accessControl, ageLimit } = options;
  const { history, backplane } = options;
  const { hostname, maxMessageBytes } = config;
  const maxConnections = config.maxConnections || Infinity;
  const { handshakeTimeoutMs, requestTimeoutMs, keepAliveMs, stallTimeoutMs } = config;
  // Deno.serve cannot stop reading from a client.
  const ratePolicy = config.engine === "direct" ? config.ratePolicy : "close";
  const chat = new Chat({ ...config, ratePolicy, maxLogBytes: logLimitBytes(config) }, {
    logger,
    history,
    backplane,
    // With the serve engine, messages arrive in promises, and a microtask would come after each.
    defer: config.engine === "direct" ? queueMicrotask : setImmediate,
    deferTurn: setImmediate,
    startTimer: setTimeout,
    startInterval: (run, ms) => {
      const timer = setInterval(run, ms);
      return () => clearInterval(timer);
    },
    verifyToken: (...renewal) => guard.renew(...renewal),
    readMs: clocks.readMs,
    monotonicMs: clocks.monotonicMs,
    ageLimit,
  });
  const proxies = Proxies.of(config);
  const addressLimits = new AddressLimits(config);
  const guard = new Guard({ ...clocks, proxies, addressLimits, accessControl, logger });
  const wires = new OpenWires(
    config.maxConnectionsPerAddress > 0 ? addressLimits.connections : undefined,
  );
  const counters = new ServerCounters(chat.counters.limits);
  const shared = { chat, wires, counters };
  const serveEngine = config.engine === "serve" ? new ServeEngine(config, shared) : undefined;
  const directEngine = config.engine === "direct" ? new DirectEngine(config, shared) : undefined;
  const eventStreams = new EventStreams(config, shared);
  const capacity = new Capacity(config, {
    openableFiles: options.openableFiles,
    // Apart from the connections in the chat.
    countFiles: () => gateway?.fileCount ?? 0,
    rooms: chat.rooms,
    wires,
    readMemory: options.readMemory ?? Deno.memoryUsage,
    monotonicMs: () => performance.now(),
    logger,
  });
  const allowOrigin = config.allowOrigin.flatMap((text) => parseAllowedOrigin(text) ?? []);
  await using opened = new AsyncDisposableStack();
  // Its timer runs already.
  if (directEngine) opened.use(directEngine);
  const metrics = opened.use(
    await MetricsEndpoint.open(
      { config, chat, counters, output, backplane },
      { metricsListen: config.metricsListen, allowOrigin, logger },
    ),
  );
  const drain = new Drain(config, logger);
  const readinessChecks = [
    () => drain.hasBegun ? "The server is stopping" : undefined,
    () => backplane?.outage && `Messages cannot be stored: ${backplane.outage}`,
    ...capacity.readinessChecks,
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
      hasAdminApi: adminToken !== undefined,
      hasMetrics: metrics.url === undefined,
      isClosing: () => drain.isClosing,
      refuseWork: capacity.refuseWork,
      refuseJoin: capacity.refuseJoin,
    });
  const onFault = (error: unknown, requestId: string) =>
    logger.error("A request failed: {error} (request {requestId})", {
      error: String(error),
      requestId,
    });
  const roomsApi = new RoomsApi({
    chat,
    guard,
    maxMessageBytes,
    requestTimeoutMs,
    refuseJoin: capacity.refuseJoin,
    eventStreams,
  });
  const handlerOptions: Omit<RoutesOptions, "peerOf"> = {
    admit: decide,
    guard,
    serveEngine,
    roomsApi,
    adminApi: adminToken && new AdminApi({ ...clocks, chat, guard, token: adminToken, logger }),
    metrics,
    readinessChecks,
    onRefused: (...refused) => counters.countRefusal(...refused),
    onFault,
  };
  const { address, httpServer, gateway } = await openEntry({
    ...config,
    tls,
    logger,
    handlerOf: (peerOf) => createHandler({ ...handlerOptions, peerOf }),
    gatewayOptions: directEngine && {
      timeouts: { handshakeTimeoutMs, requestTimeoutMs, keepAliveMs, stallTimeoutMs },
      maxPipes: maxConnections,
      admit: decide,
      guard,
      isProxy: (ip) => proxies.isTrusted(ip),
      pipesPerAddress: addressLimits.pipes,
      hasFiles: () => capacity.hasFiles,
      maxHeadBytes: config.maxHeadBytes,
      maxWaiting: capacity.maxWaiting,
      readinessChecks,
      directEngine,
      counters,
      logger,
    },
  });

  capacity.start();
  const store = history ?? backplane;
  const parts = { ...shared, store, directEngine, gateway, httpServer, metrics };
  opened.move();
  const drainOnce = () => drain.run(parts).finally(() => capacity[Symbol.dispose]());

  return {
    url: urlOf(address, tls !== undefined),
    metricsUrl: metrics.url,
    chat,
    wires,
    drain: drainOnce,
    useTls: (tls) => {
      if (!gateway || !tls) return false;
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
