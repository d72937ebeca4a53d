import process from "node:process";
import client from "prom-client";
import type { ChatCounters } from "../../chat/counters.ts";
import type { Histogram } from "../../chat/histogram.ts";
import type { Rooms } from "../../chat/rooms.ts";
import { VERSION } from "../../cli/version.ts";
import type { ServerConfig } from "../config.ts";
import { logLimitBytes } from "../memory_limit.ts";
import type { ServerCounters } from "./server_counters.ts";

/** Where {@linkcode Metrics} reads its values. */
export interface MetricsSources {
  readonly config: Pick<
    ServerConfig,
    "engine" | "maxConnections" | "maxRooms" | "maxLogBytes" | "memoryLimit"
  >;
  readonly chat: {
    readonly counters: ChatCounters;
    readonly rooms: Pick<Rooms, "size" | "logBytes" | "maxLagBytes">;
  };
  readonly counters: ServerCounters;
  /** Where log lines go; undefined if they are never dropped. */
  readonly output: { readonly droppedCount: number } | undefined;
}

type Labels = Readonly<Record<string, string>>;

/** Values with their labels. */
type Samples = readonly (readonly [Labels, number])[];

/**
 * The metrics of a server in the text format of Prometheus. They are read when they are asked for:
 * the code that counts only adds to plain fields. This is the only file that uses prom-client.
 *
 * prom-client's own metrics of the process are not used, because they need all permissions, and
 * report zeros without them.
 */
export class Metrics {
  readonly #registry = new client.Registry();

  constructor(sources: MetricsSources, loopLagSeconds: Histogram) {
    this.#addUse(sources);
    this.#addMessages(sources);
    this.#addHistory(sources);
    this.#addProcess(sources, loopLagSeconds);
  }

  /** The value of the Content-Type header. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Reads all metrics. */
  scrape(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The connections, the rooms, and what was refused. */
  #addUse({ config, chat, counters }: MetricsSources): void {
    const { members, slowReaders, resumes } = chat.counters;
    this.#add("gauge", "chorus_connections", "Connections in the chat.", () => {
      const { engine } = config;
      return Object.entries(members).map(([format, count]) => [{ engine, format }, count]);
    });
    this.#add(
      "gauge",
      "chorus_max_connections",
      "The value of --max-connections; +Inf if the limit is disabled.",
      () => one(config.maxConnections || Infinity),
    );
    this.#add("gauge", "chorus_rooms", "Rooms in memory.", () => one(chat.rooms.size));
    this.#add(
      "gauge",
      "chorus_max_rooms",
      "The value of --max-rooms; +Inf if the limit is disabled.",
      () => one(config.maxRooms || Infinity),
    );
    this.#add("counter", "chorus_handshakes_total", "WebSocket handshakes by outcome.", () => {
      return by("outcome", counters.handshakes);
    });
    this.#add("counter", "chorus_http_refusals_total", "Refused HTTP requests by status.", () => {
      return by("status", counters.refusals);
    });
    this.#add("counter", "chorus_limit_hits_total", "How often clients ran into a limit.", () => {
      return by("limit", counters.limits);
    });
    this.#add(
      "counter",
      "chorus_slow_readers_total",
      "Readers that fell out of the log: closed or skipped ahead; and those that read nothing.",
      () => by("outcome", slowReaders),
    );
    this.#add(
      "counter",
      "chorus_resumes_total",
      "Joins with a position: everything since was retained, or there is a gap.",
      () => by("outcome", resumes),
    );
  }

  /** The messages and their fan-out. */
  #addMessages({ chat: { counters, rooms } }: MetricsSources): void {
    this.#add("counter", "chorus_messages_total", "Messages published, by source.", () => [
      [{ source: "websocket" }, counters.webSocketMessages],
      [{ source: "http" }, counters.httpMessages],
    ]);
    this.#add(
      "counter",
      "chorus_deliveries_total",
      "For each message, the number of other members in its room when it was published.",
      () => one(counters.deliveries),
    );
    this.#add("counter", "chorus_received_bytes_total", "Bytes of published messages.", () => {
      return one(counters.receivedBytes);
    });
    this.#add(
      "counter",
      "chorus_sent_bytes_total",
      "Bytes of frames passed to connections, without pings and close frames.",
      () => one(counters.sentBytes),
    );
    this.#addHistogram(
      "chorus_sweep_duration_seconds",
      "Duration of a sweep, which serves each reader that is behind. A sample of 1 in 17.",
      counters.sweepSeconds,
    );
    this.#addHistogram(
      "chorus_sweep_messages",
      "New messages that a sweep delivers to each reader. A sample of 1 in 17.",
      counters.batchMessages,
    );
    this.#addHistogram(
      "chorus_publish_to_socket_seconds",
      "Time from the first message of a sweep to the end of its writes. A sample of 1 in 17.",
      counters.publishSeconds,
    );
    this.#add(
      "gauge",
      "chorus_slowest_reader_lag_bytes",
      "Bytes in the log that the slowest live member has not been served.",
      () => one(rooms.maxLagBytes),
    );
  }

  /** The messages in memory and in the durable history. */
  #addHistory({ config, chat: { counters, rooms } }: MetricsSources): void {
    this.#add("gauge", "chorus_log_bytes", "Memory of the logs of all rooms.", () => {
      return one(rooms.logBytes);
    });
    this.#add(
      "gauge",
      "chorus_max_log_bytes",
      "The bound of that memory: --max-log-bytes, or half of --memory-limit if that is less.",
      () => one(logLimitBytes(config)),
    );
    this.#add("counter", "chorus_commits_total", "Transactions of the durable history.", () => {
      return one(counters.commits);
    });
    this.#add(
      "counter",
      "chorus_commit_failures_total",
      "Commits that failed, or have stalled: they took longer than five to ten seconds.",
      () => by("reason", counters.commitFailures),
    );
    this.#addHistogram(
      "chorus_commit_duration_seconds",
      "Duration of a commit, with the way to the thread that writes.",
      counters.commitSeconds,
    );
  }

  /** The process. */
  #addProcess({ output }: MetricsSources, loopLagSeconds: Histogram): void {
    this.#add(
      "counter",
      "chorus_log_lines_dropped_total",
      "Log lines dropped because nothing read standard output.",
      () => one(output?.droppedCount ?? 0),
    );
    this.#addHistogram(
      "chorus_event_loop_lag_seconds",
      "How late a timer runs that is due every 100 ms.",
      loopLagSeconds,
    );
    this.#add("gauge", "chorus_heap_bytes", "Memory of the JavaScript heap in use.", () => {
      return one(Deno.memoryUsage().heapUsed);
    });
    this.#add("counter", "process_cpu_seconds_total", "CPU time, user and system.", () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1_000_000);
    });
    this.#add("gauge", "process_resident_memory_bytes", "Resident memory.", () => {
      return one(Deno.memoryUsage().rss);
    });
    this.#add("gauge", "process_start_time_seconds", "Start of the process since 1970.", () => {
      return one(performance.timeOrigin / 1000);
    });
    this.#add("gauge", "chorus_build_info", "The versions of Chorus and Deno; always 1.", () => [
      [{ version: VERSION, deno: Deno.version.deno }, 1],
    ]);
  }

  /** Adds a metric. Its samples must always have the same label names. */
  #add(type: "counter" | "gauge", name: string, help: string, read: () => Samples): void {
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
  #addHistogram(name: string, help: string, histogram: Histogram): void {
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

function one(value: number): Samples {
  return [[{}, value]];
}

function by(label: string, values: Readonly<Record<string, number>>): Samples {
  return Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
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
