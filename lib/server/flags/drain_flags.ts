import { formatDurationMs } from "../../cli/flags/duration.ts";
import { type ConfigOf, type FlagTable, withVariable } from "../../cli/flags/flag.ts";

/** How the server stops. */
export const DRAIN_FLAGS = {
  drainDelayMs: {
    kind: "duration",
    default: 0,
    help: "Time to keep serving after the stop signal, with /readyz at 503",
  },
  drainWindowMs: {
    kind: "duration",
    default: 0,
    help: "Time over which the members are then closed, in even steps; 0 closes all at once",
  },
  drainHandoverMs: {
    kind: "duration",
    default: 2000,
    help: "With --data: time that the next server needs to start, before members reconnect",
  },
  drainTimeoutMs: {
    kind: "duration",
    default: 5000,
    help: "Time from the signal until the server has delivered all messages and exits",
  },
} as const satisfies FlagTable;

/** The configuration of a drain. */
export interface DrainConfig extends ConfigOf<typeof DRAIN_FLAGS> {
  /** The file of `--data`; "" if there is none. */
  readonly data: string;
  /** Whether other processes listen on the same port. */
  readonly reusePort: boolean;
}

/** The least time between the end of the window and the timeout, to deliver what is left. */
const MIN_REST_MS = 1000;

/** Reports a timeout that ends before the window does; one line. */
export function drainFaults(
  { drainDelayMs, drainWindowMs, drainTimeoutMs }: Omit<DrainConfig, "data" | "reusePort">,
): readonly string[] {
  const spentMs = drainDelayMs + drainWindowMs;
  if (spentMs === 0 || drainTimeoutMs >= spentMs + MIN_REST_MS) return [];
  return [
    `Cannot stop by ${withVariable("--drain-timeout")} ${formatDurationMs(drainTimeoutMs)}: ` +
    `it begins with the signal, so it must be at least ${withVariable("--drain-delay")} and ` +
    `${withVariable("--drain-window")} and 1s together, which is ` +
    formatDurationMs(spentMs + MIN_REST_MS),
  ];
}
