import { type ConfigOf, type FlagGroup, type FlagTable, withVariable } from "../cli/flags/flag.ts";
import { type FlagNeeds, unmetNeeds } from "../cli/flags/flag_needs.ts";
import { isUnspecified, parseAddress } from "./address.ts";
import { ACCESS_FLAGS, accessFaults } from "./flags/access_flags.ts";
import { CHAT_FLAGS } from "./flags/chat_flags.ts";
import { CLUSTER_FLAGS, clusterFaults } from "./flags/cluster_flags.ts";
import { drainFaults } from "./flags/drain_flags.ts";
import { HISTORY_FLAGS } from "./flags/history_flags.ts";
import { LIMIT_FLAGS } from "./flags/limit_flags.ts";
import { NETWORK_FLAGS } from "./flags/network_flags.ts";
import { OPERATION_FLAGS } from "./flags/operation_flags.ts";
import { TIMEOUT_FLAGS } from "./flags/timeout_flags.ts";

/** The server's flags in groups, for `--help` and the manual. */
export const SERVER_FLAG_GROUPS: readonly FlagGroup[] = [
  { title: "Network", hint: "where to listen, TLS, origins, and proxies", flags: NETWORK_FLAGS },
  { title: "Access", hint: "tokens, and administrators", flags: ACCESS_FLAGS },
  { title: "Chat", hint: "what is relayed, and how", flags: CHAT_FLAGS },
  { title: "Cluster", hint: "several servers as one chat", flags: CLUSTER_FLAGS },
  { title: "Limits", hint: "connections, rates, rooms, messages, and memory", flags: LIMIT_FLAGS },
  { title: "History", hint: "what is stored, and for how long", flags: HISTORY_FLAGS },
  { title: "Timeouts", hint: "deadlines of requests and connections", flags: TIMEOUT_FLAGS },
  {
    title: "Operation",
    hint: "configuration, logging, metrics, and stopping",
    flags: OPERATION_FLAGS,
  },
];

/**
 * All flags of the server. `--help`, the environment variables, the tables in README.md, and
 * {@linkcode ServerConfig} are derived from them.
 */
export const SERVER_FLAGS = {
  ...NETWORK_FLAGS,
  ...ACCESS_FLAGS,
  ...CHAT_FLAGS,
  ...CLUSTER_FLAGS,
  ...LIMIT_FLAGS,
  ...HISTORY_FLAGS,
  ...TIMEOUT_FLAGS,
  ...OPERATION_FLAGS,
} as const satisfies FlagTable;

/** The resolved configuration of the server: one value for each of {@linkcode SERVER_FLAGS}. */
export type ServerConfig = ConfigOf<typeof SERVER_FLAGS>;

/** The flags that require tokens. */
const TOKEN_KEYS = ["tokenSecretFile", "tokenJwks"] as const;

/** Flags that have no effect unless one of the others is set. */
const NEEDS: FlagNeeds<typeof SERVER_FLAGS> = {
  tlsCert: ["tlsKey"],
  tlsKey: ["tlsCert"],
  proxyHeader: ["trustProxy"],
  tokenAudience: TOKEN_KEYS,
  tokenIssuer: TOKEN_KEYS,
  tokenCookie: TOKEN_KEYS,
  anonymous: TOKEN_KEYS,
  maxTokenBytes: TOKEN_KEYS,
  ratePolicy: ["messageRate", "byteRate"],
  rateBurstMs: ["messageRate", "byteRate", "publishRate", "handshakeRate"],
  reusePort: ["nats"],
  natsCredentials: ["nats"],
  natsCa: ["nats"],
  natsReplicas: ["nats"],
  maxHeldBytes: ["nats"],
  presenceTtlMs: ["nats"],
  dataWaitMs: ["data"],
  durability: ["data"],
  drainHandoverMs: ["data"],
};

/** With `--nats`, another sentence says why `--durability` cannot be used. */
function needsOf({ nats }: ServerConfig): FlagNeeds<typeof SERVER_FLAGS> {
  return nats.length === 0 ? NEEDS : { ...NEEDS, durability: ["nats"] };
}

/**
 * Reports values that are valid alone but not together, or not on this system; one line each.
 *
 * @param os The name of the system, as in `Deno.build.os`.
 */
export function configFaults(config: ServerConfig, os = Deno.build.os): readonly string[] {
  return [
    ...socketFaults(config),
    ...sharedPortFaults(config, os),
    ...unmetNeeds(SERVER_FLAGS, config, needsOf(config)),
    ...clusterFaults(config),
    ...accessFaults(config),
    ...metricsFaults(config),
    ...drainFaults(config),
    ...pongFaults(config),
    ...logFaults(config),
  ];
}

function socketFaults({ listenFd, engine, hostname, port }: ServerConfig): readonly string[] {
  if (listenFd === "none") return [];
  const cannot = `Cannot use ${withVariable("--listen-fd")} with`;
  const hasAddress = "the socket has its own address";
  return [
    ...engine === "serve"
      ? [`${cannot} ${withVariable("--engine")} serve: Deno.serve cannot use an open socket`]
      : [],
    ...hostname === NETWORK_FLAGS.hostname.default
      ? []
      : [`${cannot} ${withVariable("--hostname")} ${hostname}: ${hasAddress}`],
    ...port === NETWORK_FLAGS.port.default
      ? []
      : [`${cannot} ${withVariable("--port")} ${port}: ${hasAddress}`],
  ];
}

function sharedPortFaults(
  { reusePort, listenFd, port }: ServerConfig,
  os: typeof Deno.build.os,
): readonly string[] {
  if (!reusePort) return [];
  const flag = withVariable("--reuse-port");
  return [
    ...os === "linux" ? [] : [`Cannot use ${flag} on this system: it works on Linux only`],
    ...port === 0
      ? [`Cannot use ${flag} with ${withVariable("--port")} 0: each server would get another port`]
      : [],
    ...listenFd === "none" ? [] : [
      `Cannot use ${flag} with ${withVariable("--listen-fd")} ${listenFd}: ` +
      "the socket is open already",
    ],
  ];
}

function metricsFaults(
  { listenFd, hostname, port, metricsListen }: ServerConfig,
): readonly string[] {
  const address = listenFd === "none" ? parseAddress(metricsListen) : undefined;
  if (!address || port === 0 || address.port !== port) return [];
  const isSameHost = hostname.toLowerCase() === address.hostname.toLowerCase();
  if (!isSameHost && !isUnspecified(hostname) && !isUnspecified(address.hostname)) return [];
  return [
    `Cannot use ${withVariable("--metrics-listen")} ${metricsListen}: ` +
    `${withVariable("--port")} has this port already; choose another one`,
  ];
}

function pongFaults({ pingIntervalMs, pongTimeoutMs }: ServerConfig): readonly string[] {
  const isSet = pongTimeoutMs > 0 && pongTimeoutMs !== TIMEOUT_FLAGS.pongTimeoutMs.default;
  if (pingIntervalMs > 0 || !isSet) return [];
  return [
    `Cannot use ${withVariable("--pong-timeout")} with ${withVariable("--ping-interval")} 0: ` +
    "the server then sends no pings",
  ];
}

function logFaults({ logMessages, logLevel }: ServerConfig): readonly string[] {
  if (!logMessages || logLevel === "debug" || logLevel === "info") return [];
  return [
    `Cannot use ${withVariable("--log-messages")} with ${withVariable("--log-level")} ` +
    `${logLevel}: messages are logged at the level info`,
  ];
}
