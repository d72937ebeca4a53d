import { resolve } from "node:path";
import { flagName } from "../cli/flags/flag.ts";
import type { Source } from "../cli/flags/flags.ts";
import { CLIENT_FLAGS, type ClientConfig, isMeasured, speaksChorus } from "./config.ts";
import { gateFaults } from "./gate_faults.ts";
import { ratePlanOf } from "./pace/rate_plan.ts";
import { rolesOf } from "./users/roles.ts";
import { parseStorm } from "./users/storm_plan.ts";

type ClientFlag = keyof ClientConfig;

/** Flags that have an effect only in a measured run. */
const MEASURING: readonly ClientFlag[] = [
  "senders",
  "skew",
  "size",
  "warmupMs",
  "drainTimeoutMs",
  "slow",
  "sse",
  "publish",
  "churn",
  "storm",
  "workers",
  "serverMetrics",
  "check",
  "expect",
  "abort",
  "strict",
  "report",
  "hdr",
  "save",
  "baseline",
];

/** Flags of files to write. */
const FILES = ["report", "hdr", "save"] as const satisfies readonly ClientFlag[];

/**
 * Finds flags that contradict each other, although each is valid by itself. Those that depend on
 * the number of users are left to {@linkcode countFaults}.
 *
 * A flag without effect is a fault too, because the user expects it to do something.
 *
 * @returns One sentence for each fault.
 */
export function clientFaults(
  config: ClientConfig,
  sources: Readonly<Record<ClientFlag, Source>>,
): readonly string[] {
  const isGiven = (key: ClientFlag) => sources[key] !== "default";
  const name = (key: ClientFlag) => flagName(key, CLIENT_FLAGS[key]);
  const faultsOf = (keys: readonly ClientFlag[], fault: string) =>
    keys.filter(isGiven).map((key) => `Cannot start because ${name(key)} ${fault}`);
  const always = config.users === ""
    ? []
    : faultsOf(["count"], "has no effect with --users: remove it");
  if (!isMeasured(config)) {
    return [
      ...always,
      ...faultsOf(MEASURING, "needs --rate, --stage, --verify, or --find-max: add one of them"),
    ];
  }
  return [
    ...always,
    ...config.rooms === 0 && config.users === ""
      ? faultsOf(["skew"], "needs --rooms or --users: add one of them")
      : [],
    ...config.rate === 0 && config.stage.length === 0 && config.findMax === ""
      ? faultsOf(["skew"], "needs --rate, --stage, or --find-max: add one of them")
      : [],
    ...speaksChorus(config) && /^\s*\{.*"type"/s.test(config.message)
      ? [
        "Cannot start because --protocol chorus.v1 makes a `say` of --message: " +
        "give only its text",
      ]
      : [],
    ...faultsOf(["reconnect"], "has no effect in a measured run: remove it"),
    ...config.rate > 0 || config.stage.length > 0 || config.findMax !== ""
      ? faultsOf(
        ["intervalMs", "every"],
        "has no effect with --rate, --stage, or --find-max: remove it",
      )
      : [],
    ...config.findMax === "" ? [] : faultsOf(
      ["storm", "stage", "serverMetrics", "expect", "abort", ...FILES, "baseline"],
      "has no effect with --find-max: remove it",
    ),
    ...gateFaults(config),
    ...sameFileFaults(filesOf(config).map((key) => ({ name: name(key), path: config[key] }))),
    ...config.stage.length === 0 || config.findMax !== "" ? [] : [
      ...faultsOf(["durationMs"], "has no effect with --stage: remove it"),
      ...config.rate === 0
        ? faultsOf(["warmupMs"], "has no effect with --stage and without --rate: add --rate")
        : [],
      ...isEmpty(config) ? ["Cannot start because --stage asks for no message"] : [],
    ],
    ...stormFaults(config).map((fault) => `Cannot start because --storm ${fault}`),
  ];
}

/**
 * Finds flags that do not fit the number of users, `count`.
 *
 * @returns One sentence for each fault.
 */
export function countFaults(config: ClientConfig): readonly string[] {
  const { count, rooms, workers } = config;
  return [
    ...rooms > count
      ? [`Cannot start because --rooms must be at most --count: ${rooms} rooms, ${count} users`]
      : [],
    ...isMeasured(config) ? roleFaults(config) : [],
    ...isMeasured(config) && workers > count
      ? [
        "Cannot start because --workers must be at most --count: " +
        `${workers} workers, ${count} users`,
      ]
      : [],
  ];
}

/** Finds files that are named twice. An empty path stands for no file. */
export function sameFileFaults(
  files: readonly { readonly name: string; readonly path: string }[],
): readonly string[] {
  return files.filter(({ path }) => path !== "").flatMap(({ name, path }, at, given) => {
    const first = given.find((each) => resolve(each.path) === resolve(path))!;
    if (first === given[at]) return [];
    const were = first.path === path
      ? `both were "${path}"`
      : `"${first.path}" and "${path}" are one file`;
    return [`Cannot start because ${first.name} and ${name} must differ: ${were}`];
  });
}

/** The flags whose files must differ. `--save` may replace the baseline. */
function filesOf({ save, baseline }: ClientConfig) {
  const replaces = resolve(save) === resolve(baseline);
  return replaces ? FILES : [...FILES, "baseline"] as const;
}

/** What is wrong with the time of `--storm`, its users, or with what else the run does. */
function stormFaults(config: ClientConfig): readonly string[] {
  const storm = parseStorm(config.storm);
  if (!storm || config.findMax !== "") return [];
  const { steadyMs } = ratePlanOf(config);
  const { eventCount, slowCount } = rolesOf(config);
  return [
    ...eventCount + slowCount === config.count
      ? ["has no effect if every user receives server-sent events or reads slowly: remove it"]
      : [],
    ...config.churn > 0 ? ["excludes --churn: remove one of them"] : [],
    ...steadyMs > 0 && storm.atMs >= steadyMs ? ["must come before the end of the run"] : [],
  ];
}

/** Finds roles that do not fit into the number of users. */
function roleFaults(config: ClientConfig): readonly string[] {
  const { count, publish, protocol } = config;
  const { senderCount, eventCount, slowCount } = rolesOf(config);
  const isHttp = publish === "http";
  const activeCount = isHttp ? Math.max(senderCount, eventCount) : senderCount + eventCount;
  if (senderCount < 1 || activeCount + slowCount > count) {
    const what = isHttp
      ? "--slow and the larger one of --senders and --sse"
      : "--senders, --sse, and --slow";
    return [
      `Cannot start because ${what} must add up to at most --count, with at least 1 sender: ` +
      `${senderCount} senders, ${eventCount} users with --sse, and ${slowCount} slow readers of ` +
      `${count} users`,
    ];
  }
  return protocol.length > 0 && eventCount === count
    ? ["Cannot start because --protocol has no effect if no user has a WebSocket: remove it"]
    : [];
}

/** Whether no message is due in any stage. */
function isEmpty(config: ClientConfig): boolean {
  const { steadyMs, steadyMessages } = ratePlanOf(config);
  return steadyMessages(steadyMs) === 0;
}
