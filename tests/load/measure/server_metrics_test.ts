import { assertEquals, assertRejects } from "@std/assert";
import {
  figuresBetween,
  parseServerMetrics,
  ServerMetrics,
  ServerMetricsError,
  type ServerReading,
} from "../../../lib/load/measure/server_metrics.ts";

const NOTHING: ServerReading = { cpuSeconds: undefined, memoryBytes: undefined, lag: undefined };

for (
  const [name, text, reading] of [
    ["nothing in an empty text", "", {}],
    ["nothing in HTML", "<!doctype html>\n<title>process_cpu_seconds_total 1</title>", {}],
    [
      "the metrics of Chorus",
      `# HELP process_cpu_seconds_total CPU time, user and system.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
process_resident_memory_bytes 104857600
chorus_event_loop_lag_seconds_bucket{le="+Inf"} 40
chorus_event_loop_lag_seconds_sum 0.02
chorus_event_loop_lag_seconds_count 40
`,
      { cpuSeconds: 1.5, memoryBytes: 104857600, lag: { sumSeconds: 0.02, count: 40 } },
    ],
    [
      "those of prom-client, with labels and timestamps",
      'process_cpu_seconds_total{app="a} \\"b"} 2e1 1395066363000\r\n' +
      'nodejs_eventloop_lag_seconds{app="a"} 0.004 1395066363000\r\n' +
      "nodejs_eventloop_lag_mean_seconds 7\r\n",
      { cpuSeconds: 20, lag: { seconds: 0.004 } },
    ],
    [
      "the sum of several processes",
      'process_resident_memory_bytes{pid="1"} 100\nprocess_resident_memory_bytes{pid="2"} 20\n',
      { memoryBytes: 120 },
    ],
    ["nothing in values that are no numbers", "process_cpu_seconds_total NaN\n", {}],
    ["nothing in half of a histogram", "chorus_event_loop_lag_seconds_sum 1\n", {}],
  ] as const
) {
  Deno.test(`parseServerMetrics() finds ${name}`, () => {
    assertEquals(parseServerMetrics(text), { ...NOTHING, ...reading });
  });
}

const BEFORE: ServerReading = {
  cpuSeconds: 10,
  memoryBytes: 100,
  lag: { sumSeconds: 1, count: 100 },
};

for (
  const [name, before, after, figures] of [
    [
      "divides CPU time by time, and lag by its count",
      BEFORE,
      { cpuSeconds: 13, memoryBytes: 90, lag: { sumSeconds: 1.5, count: 120 } },
      { cpuCores: 1.5, memoryBytes: 90, lagMs: 25 },
    ],
    [
      "takes a gauge of the lag as it is",
      NOTHING,
      { ...NOTHING, lag: { seconds: 0.25 } },
      { lagMs: 250 },
    ],
    [
      "has only the memory of a server that has restarted",
      BEFORE,
      { cpuSeconds: 1, memoryBytes: 50, lag: { sumSeconds: 0.1, count: 5 } },
      { memoryBytes: 50 },
    ],
    [
      "has no lag if the server's timer has not run",
      BEFORE,
      { ...NOTHING, lag: BEFORE.lag },
      {},
    ],
  ] as const
) {
  Deno.test(`figuresBetween() ${name}`, () => {
    const none = { cpuCores: undefined, memoryBytes: undefined, lagMs: undefined };
    assertEquals(figuresBetween(before, after, 2), { ...none, ...figures });
  });
}

/** A server that responds with the texts in turn, each a second later, and then calls `onEnd`. */
function serve(texts: readonly (string | Response)[], onEnd: () => void = () => {}) {
  let count = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    const text = texts[count++];
    if (text === undefined) onEnd();
    return text instanceof Response ? text : new Response(text ?? "");
  });
  return {
    url: `http://127.0.0.1:${server.addr.port}/metrics`,
    clock: {
      get nowMs() {
        return count * 1000;
      },
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function open(url: string, overrides: Partial<Parameters<typeof ServerMetrics.open>[1]> = {}) {
  const { signal } = new AbortController();
  return ServerMetrics.open(url, {
    caCerts: undefined,
    signal,
    printNotice: () => {},
    ...overrides,
  });
}

function metricsText(cpuSeconds: number, memoryBytes: number): string {
  return `process_cpu_seconds_total ${cpuSeconds}\nprocess_resident_memory_bytes ${memoryBytes}\n`;
}

Deno.test("ServerMetrics leaves a gap and prints one notice if scrapes fail", async () => {
  const over = new AbortController();
  await using server = serve([
    metricsText(0, 1),
    metricsText(1, 10),
    metricsText(1.5, 20),
    new Response("busy", { status: 503 }),
    new Response("busy", { status: 503 }),
    metricsText(3.75, 60),
    metricsText(4.25, 30),
  ], () => over.abort());
  const notices: string[] = [];
  using metrics = await open(server.url, { printNotice: (line) => void notices.push(line) });
  await metrics.sampleUntil(over.signal, server.clock);
  assertEquals(notices, [
    `Cannot read the metrics at ${server.url} (HTTP 503): the server's own figures have gaps`,
  ]);
  assertEquals(metrics.summary(0, Infinity), {
    cpuCores: { mean: (0.5 + 0.75 + 0.5) / 3, max: 0.75 },
    memoryBytes: { mean: 110 / 3, max: 60 },
    lagMs: undefined,
  });
  // The second scrape of sampleUntil() is the third response. It measures the time from 2 s to 3 s.
  assertEquals(metrics.summary(2000, 3000), {
    cpuCores: { mean: 0.5, max: 0.5 },
    memoryBytes: { mean: 20, max: 20 },
    lagMs: undefined,
  });
  const none = { cpuCores: undefined, memoryBytes: undefined, lagMs: undefined };
  assertEquals(metrics.summary(0, 2000), none);
});

Deno.test("ServerMetrics has the latest figures, and none after a scrape that failed", async () => {
  const latest: unknown[] = [];
  const over = new AbortController();
  await using server = serve([
    metricsText(0, 1),
    metricsText(1, 10),
    metricsText(1.5, 20),
    new Response("busy", { status: 503 }),
  ], () => over.abort());
  using metrics = await open(server.url);
  const clock = {
    get nowMs() {
      latest.push(metrics.latest?.memoryBytes);
      return server.clock.nowMs;
    },
  };
  await metrics.sampleUntil(over.signal, clock);
  const changes = latest.filter((value, at) => at === 0 || value !== latest[at - 1]);
  assertEquals(changes, [undefined, 20, undefined]);
});

function closedPort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

for (
  const [name, text, reason] of [
    ["HTTP 404", new Response("nix", { status: 404 }), "HTTP 404"],
    [
      "another text",
      "ok",
      "it has none of the metrics process_cpu_seconds_total, process_resident_memory_bytes, " +
      "chorus_event_loop_lag_seconds, nodejs_eventloop_lag_seconds",
    ],
  ] as const
) {
  Deno.test(`ServerMetrics.open() refuses ${name}`, async () => {
    await using server = serve([text]);
    await assertRejects(
      () => open(server.url),
      ServerMetricsError,
      `Cannot read the metrics at ${server.url} (${reason}): check --server-metrics`,
    );
  });
}

Deno.test("ServerMetrics.open() refuses a port where nothing listens", async () => {
  const url = `http://127.0.0.1:${closedPort()}/metrics`;
  await assertRejects(
    () => open(url),
    ServerMetricsError,
    `Cannot read the metrics at ${url} (tcp connect error: Connection refused): ` +
      "check --server-metrics",
  );
});

Deno.test("ServerMetrics.open() ends without an error when its signal aborts", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const opening = open(`http://127.0.0.1:${listener.addr.port}/`, { signal: stop.signal });
  const connection = await listener.accept();
  stop.abort();
  using metrics = await opening;
  connection.close();
  assertEquals(metrics.latest, undefined);
});

Deno.test("ServerMetrics trusts the certificates of --cacert", async () => {
  const folder = new URL("../users/connection/certificates/", import.meta.url);
  const [cert, key, caCerts] = await Promise.all(
    ["good", "key", "ca"].map((name) => Deno.readTextFile(new URL(`${name}.pem`, folder))),
  );
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert: cert!, key: key!, onListen: () => {} },
    () => new Response(metricsText(1, 1)),
  );
  const url = `https://localhost:${server.addr.port}/metrics`;
  await assertRejects(() => open(url), ServerMetricsError, "UnknownIssuer");
  using metrics = await open(url, { caCerts: caCerts! });
  assertEquals(metrics.latest, undefined);
});
