import process from "node:process";
import type { Backplane } from "../../chat/backplane.ts";
import type { ChatCounters } from "../../chat/counters.ts";
import type { Histogram } from "../../chat/histogram.ts";
import type { Rooms } from "../../chat/rooms.ts";
import { VERSION } from "../../cli/version.ts";
import type { ServerConfig } from "../config.ts";
import { logLimitBytes } from "../memory_limit.ts";
import { MetricSet, type Samples } from "./metric_set.ts";
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
  /** Undefined without `--nats`. */
  readonly backplane?: Pick<Backplane, "counters" | "outage"> | undefined;
  /** Where log lines go; undefined if they are never dropped. */
  readonly output: { readonly droppedCount: number } | undefined;
}

/**
 * The metrics of a server. They are read when they are asked for: the code that counts only adds to
 * plain fields.
 */
export class Metrics {
  readonly #set = new MetricSet();

  constructor(sources: MetricsSources, loopLagSeconds: Histogram) {
    this.#addUse(sources);
    this.#addMessages(sources);
    this.#addHistory(sources);
    if (sources.backplane) this.#addBackplane(sources.backplane);
    this.#addProcess(sources, loopLagSeconds);
  }

  /** The value of the Content-Type header. */
  get contentType(): string {
    return this.#set.contentType;
  }

  /** Reads all metrics. */
  scrape(): Promise<string> {
    return this.#set.scrape();
  }

  /** The connections, the rooms, and what was refused. */
  #addUse({ config, chat, counters }: MetricsSources): void {
    const { members, slowReaders, resumes } = chat.counters;
    this.#set.add("gauge", "chorus_connections", "Connections in the chat.", () => {
      const { engine } = config;
      return Object.entries(members).map(([format, count]) => [{ engine, format }, count]);
    });
    this.#set.add(
      "gauge",
      "chorus_max_connections",
      "The value of --max-connections; +Inf if the limit is disabled.",
      () => one(config.maxConnections || Infinity),
    );
    this.#set.add("gauge", "chorus_rooms", "Rooms in memory.", () => one(chat.rooms.size));
    this.#set.add(
      "gauge",
      "chorus_max_rooms",
      "The value of --max-rooms; +Inf if the limit is disabled.",
      () => one(config.maxRooms || Infinity),
    );
    this.#set.add("counter", "chorus_handshakes_total", "WebSocket handshakes by outcome.", () => {
      return by("outcome", counters.handshakes);
    });
    this.#set.add(
      "counter",
      "chorus_http_refusals_total",
      "Refused HTTP requests by status.",
      () => by("status", counters.refusals),
    );
    this.#set.add(
      "counter",
      "chorus_limit_hits_total",
      "How often clients ran into a limit.",
      () => by("limit", counters.limits),
    );
    this.#set.add(
      "counter",
      "chorus_slow_readers_total",
      "Readers that fell out of the log: closed or skipped ahead; and those that read nothing.",
      () => by("outcome", slowReaders),
    );
    this.#set.add(
      "counter",
      "chorus_resumes_total",
      "Joins with a position: everything since was retained, or there is a gap.",
      () => by("outcome", resumes),
    );
  }

  /** The messages and their fan-out. */
  #addMessages({ chat: { counters, rooms } }: MetricsSources): void {
    this.#set.add("counter", "chorus_messages_total", "Messages published, by source.", () => [
      [{ source: "websocket" }, counters.webSocketMessages],
      [{ source: "http" }, counters.httpMessages],
    ]);
    this.#set.add(
      "counter",
      "chorus_deliveries_total",
      "For each message, the number of other members in its room when it was published.",
      () => one(counters.deliveries),
    );
    this.#set.add("counter", "chorus_received_bytes_total", "Bytes of published messages.", () => {
      return one(counters.receivedBytes);
    });
    this.#set.add(
      "counter",
      "chorus_sent_bytes_total",
      "Bytes of frames passed to connections, without pings and close frames.",
      () => one(counters.sentBytes),
    );
    this.#set.addHistogram(
      "chorus_sweep_duration_seconds",
      "Duration of a sweep, which serves each reader that is behind. A sample of 1 in 17.",
      counters.sweepSeconds,
    );
    this.#set.addHistogram(
      "chorus_sweep_messages",
      "New messages that a sweep delivers to each reader. A sample of 1 in 17.",
      counters.batchMessages,
    );
    this.#set.addHistogram(
      "chorus_publish_to_socket_seconds",
      "Time from the first message of a sweep to the end of its writes. A sample of 1 in 17.",
      counters.publishSeconds,
    );
    this.#set.add(
      "gauge",
      "chorus_slowest_reader_lag_bytes",
      "Bytes in the log that the slowest live member has not been served.",
      () => one(rooms.maxLagBytes),
    );
  }

  /** The messages in memory and in the durable history. */
  #addHistory({ config, chat: { counters, rooms } }: MetricsSources): void {
    this.#set.add("gauge", "chorus_log_bytes", "Memory of the logs of all rooms.", () => {
      return one(rooms.logBytes);
    });
    this.#set.add(
      "gauge",
      "chorus_max_log_bytes",
      "The bound of that memory: --max-log-bytes, or half of --memory-limit if that is less.",
      () => one(logLimitBytes(config)),
    );
    this.#set.add("counter", "chorus_commits_total", "Transactions of the durable history.", () => {
      return one(counters.commits);
    });
    this.#set.add(
      "counter",
      "chorus_commit_failures_total",
      "Commits that failed, or have stalled: they took longer than five to ten seconds.",
      () => by("reason", counters.commitFailures),
    );
    this.#set.addHistogram(
      "chorus_commit_duration_seconds",
      "Duration of a commit, with the way to the thread that writes.",
      counters.commitSeconds,
    );
  }

  /** The stream that several servers share. */
  #addBackplane(backplane: NonNullable<MetricsSources["backplane"]>): void {
    const { counters } = backplane;
    this.#set.add(
      "gauge",
      "chorus_backplane_outage",
      "1 while messages cannot be stored, otherwise 0.",
      () => one(backplane.outage === undefined ? 0 : 1),
    );
    this.#set.add(
      "gauge",
      "chorus_backplane_publishes_in_flight",
      "Publishes to the stream that are not acknowledged yet.",
      () => one(counters.inFlight),
    );
    this.#set.add(
      "gauge",
      "chorus_backplane_held_bytes",
      "Bytes of messages that the stream has not acknowledged yet.",
      () => one(counters.heldBytes),
    );
    this.#set.add(
      "gauge",
      "chorus_backplane_lag_publishes",
      "Publishes in the stream that have not arrived at this server yet.",
      () => one(counters.lag),
    );
    this.#set.add("gauge", "chorus_backplane_peers", "The other servers of the chat.", () => {
      return one(counters.peers);
    });
    this.#set.add(
      "counter",
      "chorus_backplane_redeliveries_total",
      "Publishes that were sent to the stream again, because they were not acknowledged.",
      () => one(counters.resends),
    );
    this.#set.add(
      "counter",
      "chorus_backplane_refused_messages_total",
      "Messages that could not be stored.",
      () => one(counters.refused),
    );
    this.#set.add(
      "counter",
      "chorus_backplane_reconnects_total",
      "How often the connection to NATS was lost and made again.",
      () => one(counters.reconnects),
    );
    this.#set.add(
      "counter",
      "chorus_backplane_restarts_total",
      "How often reading the stream had to start again.",
      () => one(counters.restarts),
    );
    this.#set.addHistogram(
      "chorus_backplane_ack_seconds",
      "Time from a publish to its acknowledgment by the stream.",
      counters.ackSeconds,
    );
  }

  /** The process. */
  #addProcess({ output }: MetricsSources, loopLagSeconds: Histogram): void {
    this.#set.add(
      "counter",
      "chorus_log_lines_dropped_total",
      "Log lines dropped because nothing read standard output.",
      () => one(output?.droppedCount ?? 0),
    );
    this.#set.addHistogram(
      "chorus_event_loop_lag_seconds",
      "How late a timer runs that is due every 100 ms.",
      loopLagSeconds,
    );
    this.#set.add("gauge", "chorus_heap_bytes", "Memory of the JavaScript heap in use.", () => {
      return one(Deno.memoryUsage().heapUsed);
    });
    this.#set.add("counter", "process_cpu_seconds_total", "CPU time, user and system.", () => {
      const { user, system } = process.cpuUsage();
      return one((user + system) / 1_000_000);
    });
    this.#set.add("gauge", "process_resident_memory_bytes", "Resident memory.", () => {
      return one(Deno.memoryUsage().rss);
    });
    this.#set.add("gauge", "process_start_time_seconds", "Start of the process since 1970.", () => {
      return one(performance.timeOrigin / 1000);
    });
    this.#set.add(
      "gauge",
      "chorus_build_info",
      "The versions of Chorus and Deno; always 1.",
      () => {
        return [[{ version: VERSION, deno: Deno.version.deno }, 1]];
      },
    );
  }
}

function one(value: number): Samples {
  return [[{}, value]];
}

function by(label: string, values: Readonly<Record<string, number>>): Samples {
  return Object.entries(values).map(([key, value]) => [{ [label]: key }, value]);
}
