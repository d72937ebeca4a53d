import { errorMessage } from "../../cli/error_message.ts";
import { printable } from "../../cli/printable.ts";
import { delay } from "../delay.ts";

/** The server's own figures. Each is undefined if the server does not tell it. */
export interface ServerFigures {
  /** How many cores the server kept busy since the figures before. */
  readonly cpuCores: number | undefined;
  /** Its resident memory. */
  readonly memoryBytes: number | undefined;
  /** How late its event loop was on average since the figures before, in milliseconds. */
  readonly lagMs: number | undefined;
}

/** The server's own figures in the steady phase. Each is undefined if nothing was measured. */
export type ServerSummary = {
  readonly [Key in keyof ServerFigures]:
    | { readonly mean: number; readonly max: number }
    | undefined;
};

/** What {@linkcode ServerMetrics} needs besides the URL. */
export interface ServerMetricsOptions {
  /** Certificates in PEM to trust besides the system's. */
  readonly caCerts: string | undefined;
  /** Ends the first scrape. */
  readonly signal: AbortSignal;
  /** Takes a notice for the user of the client if a scrape fails. */
  readonly printNotice: (line: string) => void;
}

/** The server's metrics cannot be read. */
export class ServerMetricsError extends Error {
  override readonly name = "ServerMetricsError";
}

/** How often the metrics are read. */
const INTERVAL_MS = 1000;

/** How long the first scrape may take, which may have to look up a name and make a connection. */
const FIRST_TIMEOUT_MS = 5000;

/** How long another scrape may take. It ends before the next one is due. */
const TIMEOUT_MS = 900;

/** Reads the server's own figures once a second, from its metrics in the format of Prometheus. */
export class ServerMetrics implements Disposable {
  readonly #url: string;
  readonly #options: ServerMetricsOptions;
  readonly #client: Deno.HttpClient | undefined;
  /** All figures, and the time in the middle of what they measure. */
  readonly #figures: (ServerFigures & { readonly atMs: number })[] = [];
  #hasPrinted = false;
  /** The newest figures; undefined before the second scrape, and after one that failed. */
  latest: ServerFigures | undefined;

  private constructor(url: string, options: ServerMetricsOptions) {
    this.#url = url;
    this.#options = options;
    const { caCerts } = options;
    if (caCerts !== undefined) this.#client = Deno.createHttpClient({ caCerts: [caCerts] });
  }

  /**
   * Reads the metrics once, to find a wrong URL before the run.
   *
   * @throws {ServerMetricsError} If they cannot be read, or the server tells none of the figures.
   */
  static async open(url: string, options: ServerMetricsOptions): Promise<ServerMetrics> {
    const metrics = new ServerMetrics(url, options);
    try {
      await metrics.#scrape(FIRST_TIMEOUT_MS, options.signal);
    } catch (cause) {
      if (options.signal.aborted) return metrics;
      metrics[Symbol.dispose]();
      const reason = errorMessage(cause);
      const message = `Cannot read the metrics at ${url} (${reason}): check --server-metrics`;
      throw new ServerMetricsError(message, { cause });
    }
    return metrics;
  }

  /**
   * Reads the metrics now, and then once a second until the signal aborts. A scrape that fails
   * leaves a gap in the figures. The first one prints a notice.
   */
  async sampleUntil(over: AbortSignal, clock: { readonly nowMs: number }): Promise<void> {
    let before: (ServerReading & { readonly atMs: number }) | undefined;
    for (let dueMs = clock.nowMs; !over.aborted;) {
      try {
        const reading = await this.#scrape(TIMEOUT_MS, over);
        const atMs = clock.nowMs;
        this.latest = before && figuresBetween(before, reading, (atMs - before.atMs) / 1000);
        if (before) this.#figures.push({ ...this.latest!, atMs: (before.atMs + atMs) / 2 });
        before = { ...reading, atMs };
      } catch (error) {
        if (over.aborted) return;
        this.latest = undefined;
        this.#printOnce(
          `Cannot read the metrics at ${this.#url} (${errorMessage(error)}): ` +
            "the server's own figures have gaps",
        );
      }
      dueMs = Math.max(dueMs + INTERVAL_MS, clock.nowMs);
      await delay(dueMs - clock.nowMs, over);
    }
  }

  /** The means and maxima of the figures between two times of the clock. */
  summary(fromMs: number, untilMs: number): ServerSummary {
    const figures = this.#figures.filter(({ atMs }) => fromMs <= atMs && atMs <= untilMs);
    const of = (key: keyof ServerFigures) => {
      const values = figures.map((each) => each[key]).filter((value) => value !== undefined);
      if (values.length === 0) return undefined;
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return { mean, max: Math.max(...values) };
    };
    return { cpuCores: of("cpuCores"), memoryBytes: of("memoryBytes"), lagMs: of("lagMs") };
  }

  [Symbol.dispose](): void {
    this.#client?.close();
  }

  /** @throws {Error} If it fails. The message is the reason in a few words. */
  async #scrape(timeoutMs: number, signal: AbortSignal): Promise<ServerReading> {
    const ended = new AbortController();
    const end = () => ended.abort();
    const timer = setTimeout(end, timeoutMs);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    try {
      const client = this.#client;
      const response = await fetch(this.#url, { signal: ended.signal, ...client && { client } });
      const text = await response.text();
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const reading = parseServerMetrics(text);
      if (Object.values(reading).some((value) => value !== undefined)) return reading;
      throw new Error(`it has none of the metrics ${METRICS.join(", ")}`);
    } catch (error) {
      throw new Error(ended.signal.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  #printOnce(notice: string): void {
    if (!this.#hasPrinted) this.#options.printNotice(notice);
    this.#hasPrinted = true;
  }
}

/** Why `fetch()` failed. The message of the cause is long: its end has the reason. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown };
  const reason = errorMessage(cause).replace(/^.*client error \(\w+\): /s, "");
  return printable(reason.replace(/ \(os error \d+\)$/, ""));
}

/** What the server tells at one time. Each is undefined if it does not tell it. */
export interface ServerReading {
  /** CPU time of the process since its start. */
  readonly cpuSeconds: number | undefined;
  readonly memoryBytes: number | undefined;
  /** How late the event loop was: since the start of the process, or (Node.js) right now. */
  readonly lag: LagTotal | LagGauge | undefined;
}

interface LagTotal {
  readonly sumSeconds: number;
  readonly count: number;
}

interface LagGauge {
  readonly seconds: number;
}

const CPU = "process_cpu_seconds_total";
const MEMORY = "process_resident_memory_bytes";

/** A histogram of Chorus. */
const LAG_TOTAL = "chorus_event_loop_lag_seconds";

/** A gauge of servers for Node.js that use prom-client. */
const LAG_GAUGE = "nodejs_eventloop_lag_seconds";

const METRICS = [CPU, MEMORY, LAG_TOTAL, LAG_GAUGE];

/** A line such as `name{label="value"} 1.5`, with an optional timestamp at the end. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?[ \t]+(\S+)/;

/**
 * Reads the server's figures from the text format of Prometheus. Samples of one metric with
 * different labels, such as those of several processes, are added up.
 */
export function parseServerMetrics(text: string): ServerReading {
  const sums = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, name, value] = SAMPLE.exec(line) ?? [];
    if (name === undefined || !Number.isFinite(Number(value))) continue;
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  const sumSeconds = sums.get(`${LAG_TOTAL}_sum`);
  const count = sums.get(`${LAG_TOTAL}_count`);
  const seconds = sums.get(LAG_GAUGE);
  return {
    cpuSeconds: sums.get(CPU),
    memoryBytes: sums.get(MEMORY),
    lag: sumSeconds !== undefined && count !== undefined
      ? { sumSeconds, count }
      : seconds === undefined
      ? undefined
      : { seconds },
  };
}

/**
 * The figures of the time between two readings. What counts from the start of the process is
 * undefined if the server has restarted.
 *
 * @param seconds How long after the first reading the second one was.
 */
export function figuresBetween(
  before: ServerReading,
  after: ServerReading,
  seconds: number,
): ServerFigures {
  const cpuSeconds = growth(before.cpuSeconds, after.cpuSeconds);
  return {
    cpuCores: cpuSeconds === undefined ? undefined : cpuSeconds / seconds,
    memoryBytes: after.memoryBytes,
    lagMs: lagMsBetween(before.lag, after.lag),
  };
}

function lagMsBetween(
  before: ServerReading["lag"],
  after: ServerReading["lag"],
): number | undefined {
  if (!after) return undefined;
  if ("seconds" in after) return after.seconds * 1000;
  if (!before || "seconds" in before) return undefined;
  const count = growth(before.count, after.count);
  if (!count) return undefined;
  return Math.max(0, after.sumSeconds - before.sumSeconds) * 1000 / count;
}

function growth(before: number | undefined, after: number | undefined): number | undefined {
  if (before === undefined || after === undefined || after < before) return undefined;
  return after - before;
}
