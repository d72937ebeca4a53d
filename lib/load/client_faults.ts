import { flagName, type Source } from "../cli/flags.ts";
import { CLIENT_FLAGS, type ClientConfig } from "./config.ts";
import { rolesOf } from "./users/roles.ts";

type ClientFlag = keyof ClientConfig;

/** Flags that mean something only where deliveries are measured. */
const MEASURING: readonly ClientFlag[] = [
  "senders",
  "size",
  "warmupMs",
  "drainTimeoutMs",
  "slow",
  "churn",
  "workers",
  "expect",
  "strict",
  "report",
  "hdr",
];

/** Whether deliveries are measured, and users do not just talk. */
export function isMeasured({ rate, verify, findMax }: ClientConfig): boolean {
  return rate > 0 || verify || findMax !== "";
}

/**
 * What is wrong with flags that are right each for itself. A flag that would be ignored is wrong: whoever gives it expects
 * something of it.
 */
export function clientFaults(
  config: ClientConfig,
  sources: Readonly<Record<ClientFlag, Source>>,
): readonly string[] {
  const isGiven = (key: ClientFlag) => sources[key] !== "default";
  const name = (key: ClientFlag) => flagName(key, CLIENT_FLAGS[key]);
  const needs = (keys: readonly ClientFlag[], what: string) =>
    keys.filter(isGiven).map((key) => `Cannot start as ${name(key)} ${what}`);
  if (!isMeasured(config)) {
    return needs(MEASURING, "needs --rate, --verify or --find-max beside it, which measure");
  }
  const { senderCount, slowCount } = rolesOf(config);
  return [
    ...needs(["reconnect"], "is for users who talk: who is measured never comes back by itself"),
    ...config.rate > 0 || config.findMax !== ""
      ? needs(["intervalMs", "every"], "says when each user speaks: --rate does that already")
      : [],
    ...config.findMax === "" ? [] : needs(
      ["expect", "report", "hdr"],
      "is for a single run: --find-max makes many",
    ),
    ...senderCount < 1 || senderCount + slowCount > config.count
      ? [
        `Cannot start as --senders and --slow must leave somebody to send, and be no more than ` +
        `--count together: ${senderCount} send and ${slowCount} are slow of ${config.count}`,
      ]
      : [],
    ...config.workers > config.count
      ? [
        `Cannot start as --workers must not be more than --count: ${config.workers} of ${config.count}`,
      ]
      : [],
  ];
}
