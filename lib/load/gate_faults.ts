import { type ClientConfig, isOrderChecked, speaksChorus } from "./config.ts";
import { type GateMetric, parseGate } from "./report/gate.ts";

type GateFlag = "--expect" | "--abort" | "--find-max";

/** What it takes to measure a metric that not every run measures. */
interface Requirement {
  /** Completes the sentence "missed in --expect needs …". */
  readonly needs: string;
  readonly isMet: (config: ClientConfig) => boolean;
  /** The flags whose gates can limit the metric. */
  readonly flags: readonly GateFlag[];
}

/** Whether the server answers messages in a way that the client knows. */
const ANSWERS: Requirement = {
  needs: "--publish http or --protocol chorus.v1: add one of them",
  isMet: (config) => config.publish === "http" || speaksChorus(config),
  flags: ["--expect", "--find-max"],
};

/** The metrics that not every run measures. Those that `--abort` lacks are known at the end. */
const REQUIREMENTS: Readonly<Partial<Record<GateMetric, Requirement>>> = {
  misordered: {
    needs: "--check order: add it",
    isMet: isOrderChecked,
    flags: ["--expect", "--abort", "--find-max"],
  },
  refused: ANSWERS,
  unanswered: ANSWERS,
  unreached: {
    needs: "--protocol chorus.v1 without --publish http: change these flags",
    isMet: (config) => config.publish !== "http" && speaksChorus(config),
    flags: ["--expect", "--find-max"],
  },
  missed: {
    needs: "--storm: add it",
    isMet: ({ storm }) => storm !== "",
    flags: ["--expect"],
  },
  unrecorded: {
    needs: "--check history: add it",
    isMet: ({ check }) => check.includes("history"),
    flags: ["--expect", "--find-max"],
  },
};

/**
 * Finds gates on metrics that a measured run does not measure, or not in time. Such a gate would
 * always fail, or never end the run.
 *
 * @returns One sentence for each fault.
 */
export function gateFaults(config: ClientConfig): readonly string[] {
  const { expect, abort, findMax, baseline } = config;
  const faults = findMax === ""
    ? [
      ...metricFaults("--expect", expect, config),
      ...relativeGateFaults(expect, baseline !== ""),
      ...metricFaults("--abort", abort, config),
      ...abort.filter(isRelative).map((gate) =>
        `Cannot start because --abort takes no multiple of a baseline: its gate was "${gate}"`
      ),
    ]
    : metricFaults("--find-max", findMax.split(","), config);
  return [...new Set(faults)];
}

/** Finds gates such as `p99<=1.1x` without a baseline. @returns One sentence for each fault. */
export function relativeGateFaults(
  gates: readonly string[],
  hasBaseline: boolean,
): readonly string[] {
  return gates.filter((gate) => !hasBaseline && isRelative(gate))
    .map((gate) => `Cannot start because the gate ${gate} needs a baseline: add --baseline FILE`);
}

function metricFaults(
  flag: GateFlag,
  gates: readonly string[],
  config: ClientConfig,
): readonly string[] {
  return gates.flatMap((gate) => {
    const metric = parseGate(gate)?.metric;
    const requirement = metric && REQUIREMENTS[metric];
    if (!requirement) return [];
    const { needs, isMet, flags } = requirement;
    const start = `Cannot start because ${metric} in ${flag}`;
    if (!flags.includes(flag)) {
      return flag === "--abort"
        ? [`${start} is not known before the end of the run: use --expect`]
        : [`${start} is never measured: remove it`];
    }
    return isMet(config) ? [] : [`${start} needs ${needs}`];
  });
}

function isRelative(gate: string): boolean {
  return parseGate(gate)?.isRelative ?? false;
}
