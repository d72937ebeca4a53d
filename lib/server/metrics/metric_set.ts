import client from "prom-client";
import type { Histogram } from "../../chat/histogram.ts";

type Labels = Readonly<Record<string, string>>;

/** Values with their labels. */
export type Samples = readonly (readonly [Labels, number])[];

/**
 * Metrics in the text format of Prometheus. They are read when they are asked for. This is the only
 * file that uses prom-client.
 *
 * prom-client's own metrics of the process are not used, because they need all permissions, and
 * report zeros without them.
 */
export class MetricSet {
  readonly #registry = new client.Registry();

  /** The value of the Content-Type header. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Reads all metrics. */
  scrape(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Adds a metric. Its samples must always have the same label names. */
  add(type: "counter" | "gauge", name: string, help: string, read: () => Samples): void {
    const options = { name, help, labelNames: Object.keys(read()[0]![0]) };
    const registers = [this.#registry];
    if (type === "gauge") {
      new client.Gauge({
        ...options,
        registers,
        collect() {
          for (const [labels, value] of read()) this.set(labels, value);
        },
      });
    } else {
      new client.Counter({
        ...options,
        registers,
        collect() {
          this.reset();
          for (const [labels, value] of read()) this.inc(labels, value);
        },
      });
    }
  }

  /** Adds a metric that prom-client only formats: its own histogram is too slow to observe. */
  addHistogram(name: string, help: string, histogram: Histogram): void {
    const metric = {
      name,
      get: () =>
        Promise.resolve({
          ...{ name, help, type: "histogram", aggregator: "sum" },
          values: samplesOf(name, histogram),
        }),
    };
    // Of a metric, the registry uses only its name and `get()`.
    this.#registry.registerMetric(metric as unknown as client.Histogram);
  }
}

/** The series of a histogram: how many values are up to each bound, their sum, and their count. */
function samplesOf(name: string, { bounds, counts, sum }: Histogram) {
  let count = 0;
  const buckets = [...bounds, "+Inf"].map((le, bucket) => {
    count += counts[bucket]!;
    return { metricName: `${name}_bucket`, labels: { le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sum },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
}
