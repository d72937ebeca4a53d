import { errorMessage } from "../../../cli/error_message.ts";
import { readFailure } from "../../../cli/read_failure.ts";
import { LatencyHistogram } from "../../measure/latency.ts";
import type { Measurement } from "../../measure/measurement.ts";
import type { Asked } from "../asked.ts";
import type { Baseline } from "../comparison.ts";
import { GATE_METRICS, type GateMetric } from "../gate.ts";
import { CONFIG } from "./config_shape.ts";
import * as json from "./json_shape.ts";
import { MEASUREMENT } from "./measurement_shape.ts";
import { metricsOf } from "../metric.ts";
import type { ReportFacts } from "../report.ts";
import type { RunOrigin } from "../run_origin.ts";

/** A measured run that has ended: all that its reports are made from. */
export interface FinishedRun extends Asked {
  readonly origin: RunOrigin;
  readonly facts: ReportFacts;
  readonly measurement: Measurement;
  /** The run that it is compared with. */
  readonly baseline: Baseline | undefined;
}

/** A file is not a saved run that this version can read. */
export class SavedRunError extends Error {
  override readonly name = "SavedRunError";
}

/** Tells a saved run from other JSON files. */
const FORMAT = "chorus load run";

/** Changes when an older client could not read the file any more. */
const VERSION = 1;

/** The text of a file from which {@linkcode readSavedRun} reads the same run. */
export function savedRunText(run: FinishedRun): string {
  // A baseline needs only the metrics. So a later version, which measures more, can still use it.
  const metrics = metricsOf(run.measurement);
  return JSON.stringify({ format: FORMAT, version: VERSION, ...run, metrics }, (_key, value) => {
    if (value === undefined) return null;
    if (value instanceof LatencyHistogram) return value.pairs;
    return value instanceof Map ? [...value] : value;
  }) + "\n";
}

/**
 * Reads a file of `--save`.
 *
 * @throws {SavedRunError} If the file cannot be read, is damaged, or is not a saved run.
 */
export function readSavedRun(path: string): FinishedRun {
  return readFile(path, parseSavedRun);
}

/**
 * Reads from a file of `--save` what a comparison needs.
 *
 * @throws {SavedRunError} If the file cannot be read, is damaged, or is not a saved run.
 */
export function readBaseline(path: string): Baseline {
  return readFile(path, (text) => BASELINE(parseFormat(text), ""));
}

function readFile<T>(path: string, parse: (text: string) => T): T {
  let text;
  try {
    text = Deno.readTextFileSync(path);
  } catch (cause) {
    throw new SavedRunError(`Cannot read the run ${path}: ${readFailure(cause)}`, { cause });
  }
  try {
    return parse(text);
  } catch (cause) {
    throw new SavedRunError(`Cannot use the run ${path}: ${errorMessage(cause)}`, { cause });
  }
}

/**
 * Reads the text of a saved run.
 *
 * @throws {Error} With the reason, if the text is not a saved run, or is damaged.
 */
export function parseSavedRun(text: string): FinishedRun {
  return RUN(parseFormat(text), "");
}

function parseFormat(text: string): unknown {
  if (text.trim() === "") throw new Error("it is empty, as after a run that was killed");
  const parsed = parseJson(text);
  const { format, version } = Object(parsed) as Record<string, unknown>;
  if (format !== FORMAT) throw new Error("it was not written by --save");
  if (typeof version === "number" && version > VERSION) {
    throw new Error(`a newer version of Chorus saved it: it has version ${version}`);
  }
  return parsed;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (!text.startsWith(`{"format":"${FORMAT}"`)) {
      throw new Error("it was not written by --save", { cause });
    }
    throw new Error(`it is damaged (${errorMessage(cause)})`, { cause });
  }
}

const ORIGIN = json.object<RunOrigin>({
  startedAt: json.text,
  chorus: json.text,
  deno: json.text,
  system: json.text,
  cores: json.count,
});

const BASELINE = json.object<Baseline>({
  origin: ORIGIN,
  config: CONFIG,
  metrics: json.object<Partial<Record<GateMetric, number>>>(
    Object.fromEntries(
      GATE_METRICS.map((metric) => [metric, json.optional(json.number)]),
    ) as Record<GateMetric, json.Reader<never>>,
  ),
});

const RUN = json.object<FinishedRun>({
  origin: ORIGIN,
  config: CONFIG,
  given: json.list(json.text),
  facts: json.object<ReportFacts>({
    url: json.text,
    count: json.count,
    elapsedMs: json.number,
    isInterrupted: json.boolean,
  }),
  measurement: MEASUREMENT,
  baseline: json.optional(BASELINE),
});
