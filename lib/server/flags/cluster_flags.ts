import { type ConfigOf, type FlagTable, withVariable } from "../../cli/flags/flag.ts";

/** What connects several servers. */
export const CLUSTER_FLAGS = {
  nats: {
    kind: "list",
    default: [],
    value: "URL",
    isCommon: true,
    help: "NATS server that makes several servers one chat; repeatable",
    check: (text) => isNatsUrl(text) ? undefined : "a URL such as nats://10.0.0.5:4222 or tls://…",
    mask: withoutPassword,
  },
  natsCredentials: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Credentials of the NATS user: a .creds file",
  },
  natsCa: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Certificates of the authorities that sign those of the NATS servers, in PEM",
  },
  natsReplicas: {
    kind: "integer",
    default: 1,
    value: "N",
    min: 1,
    max: 5,
    help: "How many NATS servers store each message; 3 survives the loss of one of them",
  },
  maxHeldBytes: {
    kind: "size",
    default: 16 * 1024 * 1024,
    min: 64 * 1024,
    max: 1024 * 1024 * 1024,
    help: "Maximum size of messages that wait for NATS during an outage, 8 times as much " +
      "otherwise; more are refused",
  },
  presenceTtlMs: {
    kind: "duration",
    default: 10_000,
    min: 1000,
    help: "The members of a server that is silent for this long have left",
  },
} as const satisfies FlagTable;

/** The configuration of a cluster, and what excludes it. */
interface ClusterConfig extends Pick<ConfigOf<typeof CLUSTER_FLAGS>, "nats" | "natsCredentials"> {
  readonly data: string;
  readonly durability: string;
}

/** Reports what cannot be used with `--nats`; one line each. */
export function clusterFaults(config: ClusterConfig): readonly string[] {
  const { nats, natsCredentials, data, durability } = config;
  if (nats.length === 0) return [];
  const withNats = `with ${withVariable("--nats")}`;
  return [
    ...userFaults(nats, natsCredentials),
    ...data === ""
      ? []
      : [`Cannot use ${withVariable("--data")} ${withNats}: NATS stores the messages`],
    ...durability === "process" ? [] : [
      `Cannot use ${withVariable("--durability")} ${durability} ${withNats}: nats-server decides ` +
      "when to write to the disk; since nats-server 2.10, it has sync_interval: always for this",
    ],
  ];
}

/** All servers get the same user. */
function userFaults(nats: readonly string[], natsCredentials: string): readonly string[] {
  const urls = nats.flatMap((text) => URL.parse(text) ?? []);
  const users = new Set(
    urls.filter(({ username }) => username !== "")
      .map(({ username, password }) => `${username}:${password}`),
  );
  return [
    ...users.size < 2 ? [] : [
      `Cannot use ${withVariable("--nats")} with several users: the servers of a cluster have ` +
      "the same users",
    ],
    ...users.size === 0 || natsCredentials === "" ? [] : [
      `Cannot use ${withVariable("--nats-credentials")} with a user in ` +
      `${withVariable("--nats")}: leave one of them out`,
    ],
  ];
}

/** Hides the password or the token of a URL, even if the URL is not valid. */
function withoutPassword(text: string): string {
  return text.replace(
    /^([a-z]*:\/+)?([^:@]*:)?.*@/is,
    (_, scheme = "", user = "") => `${scheme}${user}…@`,
  );
}

function isNatsUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "" &&
    isDecodable(url.username + url.password) && ["", "/"].includes(url.pathname) &&
    url.search + url.hash === "";
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
