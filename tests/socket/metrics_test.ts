import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { ServerConfig } from "../../lib/server/config.ts";
import { ListenError } from "../../lib/server/start_failure.ts";
import { isPromtoolMissing, promtool } from "../server/metrics/promtool.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** The values of all samples, by name and labels: `chorus_rooms`, `chorus_x_total{y="z"}`. */
async function scrape(server: TestApp): Promise<Record<string, number>> {
  const url = server.app.metricsUrl ?? new URL("/metrics", server.app.url);
  const text = await (await fetch(url)).text();
  const samples = text.matchAll(/^([a-z_]+(?:\{[^}]*\})?) (\S+)$/gm);
  return Object.fromEntries(Array.from(samples, ([, name, value]) => [name, Number(value)]));
}

/** The status of a request. */
async function statusOf(url: URL | string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(url, init);
  await response.body?.cancel();
  return response.status;
}

async function statusOfRaw(port: number, lines: readonly string[]): Promise<number> {
  return (await rawRequest(port, lines)).status;
}

const HISTOGRAM_COUNTS = [
  "chorus_sweep_duration_seconds_count",
  "chorus_sweep_messages_count",
  "chorus_publish_to_socket_seconds_count",
];

for (const engine of ENGINES) {
  Deno.test(`${engine}: /metrics counts connections, messages, deliveries, and bytes`, async () => {
    await using server = await startTestApp({ engine });
    const format = (name: string) => `chorus_connections{engine="${engine}",format="${name}"}`;
    await using plain = await Peer.open(server.url);
    await using chorus = await ChorusPeer.open(server.url);
    const events = await fetch(new URL("/rooms/lobby/events", server.app.url));
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    plain.send("12345");
    await chorus.next("said");
    const body = { method: "POST", headers: { "content-type": "text/plain" }, body: "67" };
    assertEquals(await statusOf(new URL("/rooms/lobby/messages", server.app.url), body), 201);
    assertEquals(await plain.next(), "67");
    await chorus.next("said");
    const samples = await scrape(server);
    assertEquals(
      [format("plain"), format("chorus.v1"), format("events")].map((name) => samples[name]),
      [1, 1, 1],
    );
    assertEquals(samples["chorus_rooms"], 1);
    assertEquals(samples['chorus_handshakes_total{outcome="accepted"}'], 2);
    assertEquals(samples['chorus_messages_total{source="websocket"}'], 1);
    assertEquals(samples['chorus_messages_total{source="http"}'], 1);
    // The first message goes to two others, the second to three.
    assertEquals(samples["chorus_deliveries_total"], 5);
    assertEquals(samples["chorus_received_bytes_total"], 7);
    assert(samples["chorus_sent_bytes_total"]! > 300);
    assert(samples["chorus_log_bytes"]! > 0);
    assertEquals(samples["chorus_slowest_reader_lag_bytes"], 0);
    for (const name of HISTOGRAM_COUNTS) assertEquals(samples[name], 1, name);
    await events.body!.cancel();
    for (const peer of [plain, chorus]) await peer[Symbol.asyncDispose]();
    for (let count = 0; count < 3; count++) await server.logged("{id} disconnected");
    const later = await scrape(server);
    assertEquals(
      [format("plain"), format("chorus.v1"), format("events")].map((name) => later[name]),
      [0, 0, 0],
    );
  });

  Deno.test(`${engine}: /metrics counts handshakes by outcome and limits by kind once`, async () => {
    await using server = await startTestApp({
      engine,
      maxConnections: 1,
      maxRooms: 1,
      maxMessageBytes: 10,
    });
    const ask = (path: string, ...headers: string[]) =>
      statusOfRaw(server.port, [`GET ${path} HTTP/1.1`, ...HANDSHAKE_HEADERS, ...headers]);
    assertEquals(await ask("/ws", "Origin: https://evil.example"), 403);
    assertEquals(await ask("/ws?room=."), 400);
    // The direct engine answers this one without Deno.serve.
    assertEquals(await ask("/ws?room=.", "Expect: 100-continue"), 400);
    await using peer = await Peer.open(server.url);
    assertEquals(await ask("/ws"), 503);
    const publish = (room: string, body: string | ReadableStream<Uint8Array>) =>
      statusOf(new URL(`/rooms/${room}/messages`, server.app.url), {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body,
      });
    assertEquals(await publish("lobby", "x".repeat(11)), 413);
    const chunked = ReadableStream.from([new TextEncoder().encode("x".repeat(11))]);
    assertEquals(await publish("lobby", chunked), 413);
    assertEquals(await publish("other", "x"), 503);
    assertEquals(await statusOf(new URL("/rooms/lobby/events", server.app.url)), 503);
    peer.send("x".repeat(11));
    assertEquals((await peer.closed).code, 1009);
    await server.logged("{id} disconnected");
    const samples = await scrape(server);
    assertEquals(positive(samples, "chorus_handshakes_total"), {
      accepted: 1,
      bad_request: 2,
      forbidden: 1,
      server_full: 1,
    });
    assertEquals(positive(samples, "chorus_http_refusals_total"), { 413: 2, 503: 2 });
    assertEquals(positive(samples, "chorus_limit_hits_total"), {
      connections: 2,
      rooms: 1,
      message_size: 3,
    });
  });

  Deno.test(`${engine}: /metrics counts resumes by outcome, and commits`, async () => {
    const folder = await Deno.makeTempDir();
    {
      await using server = await startTestApp({ engine, data: `${folder}/chat.db` });
      await using sender = await ChorusPeer.open(server.url);
      sender.say("hi", "c1");
      const { position } = await sender.next("ack");
      await using _one = await ChorusPeer.open(`${server.url}?since=${position}`);
      await using _other = await ChorusPeer.open(`${server.url}?since=0123456789abcdef-1`);
      const samples = await scrape(server);
      assertEquals(positive(samples, "chorus_resumes_total"), { recovered: 1, gap: 1 });
      assert(samples["chorus_commits_total"]! >= 1);
      assertEquals(
        samples["chorus_commit_duration_seconds_count"],
        samples["chorus_commits_total"],
      );
      assertEquals(positive(samples, "chorus_commit_failures_total"), {});
    }
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test(`${engine}: --metrics-listen serves /metrics on its own address only`, async () => {
    await using server = await startTestApp({ engine, metricsListen: "127.0.0.1:0" });
    const url = server.app.metricsUrl!;
    const response = await fetch(url);
    assertEquals(response.status, 200);
    assertMatch(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertStringIncludes(await response.text(), "chorus_connections");
    assertEquals((await server.logged("Serving metrics on")).properties.url, url.href);
    assertEquals(await statusOf(new URL("/metrics", server.app.url)), 404);
    assertEquals(await statusOf(new URL("/", url)), 404);
    assertEquals(await statusOf(url, { method: "POST" }), 405);
    const head = await fetch(url, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    const rebound = ["GET /metrics HTTP/1.1", "Host: evil.example"];
    assertEquals(await statusOfRaw(Number(url.port), rebound), 403);
    const malformed = ["GET /metrics HTTP/1.1", "Host: a[b"];
    assertEquals(await statusOfRaw(Number(url.port), malformed), 400);
    await server.app.drain();
    await assertRejects(
      () => Deno.connect({ port: Number(url.port) }),
      Deno.errors.ConnectionRefused,
    );
  });

  Deno.test(`${engine}: /metrics is served on the main port with the checks of all paths`, async () => {
    await using server = await startTestApp({ engine });
    const url = new URL("/metrics", server.app.url);
    const response = await fetch(url);
    assertMatch(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assertEquals(response.headers.get("cache-control"), "no-store");
    await response.text();
    const head = await fetch(url, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    assertEquals(await statusOf(url, { method: "POST" }), 405);
    assertEquals(await statusOf(url, { headers: { origin: "https://evil.example" } }), 403);
    assertEquals(server.app.metricsUrl, undefined);
  });

  Deno.test(`${engine}: a port of --metrics-listen that is in use stops the start`, async () => {
    await using first = await startTestApp({ engine, metricsListen: "127.0.0.1:0" });
    const metricsListen = first.app.metricsUrl!.host;
    const config: Partial<ServerConfig> = { engine, metricsListen };
    try {
      await using _second = await startTestApp(config);
      throw new Error("The second server has started");
    } catch (error) {
      assert(error instanceof ListenError, String(error));
      assertStringIncludes(error.message, `Cannot listen on ${metricsListen}`);
      assertStringIncludes(error.message, "--metrics-listen");
    }
  });

  Deno.test({
    name: `${engine}: promtool accepts a scrape`,
    ignore: isPromtoolMissing,
    fn: async () => {
      await using server = await startTestApp({ engine });
      await using peers = new AsyncDisposableStack();
      const [one, other] = await Peer.openMany(server.url, 2);
      for (const peer of [one!, other!]) peers.use(peer);
      one!.send("hi");
      await other!.next();
      const text = await (await fetch(new URL("/metrics", server.app.url))).text();
      assertEquals(await promtool(["check", "metrics"], text), "");
      assert(await promtool(["check", "metrics"], text.replaceAll("_total", "")) !== "");
    },
  });
}

Deno.test("/metrics measures the lag of the event loop, and the process", async () => {
  await using server = await startTestApp();
  let samples: Record<string, number>;
  do samples = await scrape(server); while (samples["chorus_event_loop_lag_seconds_count"] === 0);
  assert(samples["process_cpu_seconds_total"]! > 0);
  assert(samples["process_resident_memory_bytes"]! > samples["chorus_heap_bytes"]!);
  const uptimeSeconds = Date.now() / 1000 - samples["process_start_time_seconds"]!;
  assert(uptimeSeconds > 0 && uptimeSeconds < 24 * 60 * 60, `${uptimeSeconds}`);
});

Deno.test("/metrics counts a handshake over HTTP/1.0 as refused", async () => {
  await using server = await startTestApp();
  const lines = ["GET /ws HTTP/1.0", ...HANDSHAKE_HEADERS];
  assertEquals(await statusOfRaw(server.port, lines), 426);
  assertEquals(positive(await scrape(server), "chorus_handshakes_total"), { bad_request: 1 });
  assertEquals(positive(await scrape(server), "chorus_http_refusals_total"), {});
});

for (const engine of ENGINES) {
  Deno.test(`${engine}: /metrics counts readers that read nothing as stalled`, async () => {
    await using server = await startTestApp({
      engine,
      stallTimeoutMs: 100,
      closeTimeoutMs: 100,
      logRetentionBytes: 1024 ** 3,
    });
    await using sender = await Peer.open(server.url);
    await using healthy = await Peer.open(server.url);
    using _stalled = await RawPeer.upgrade(server.port);
    for (let count = 0; count < 3; count++) await server.logged("{id} connected");
    const ended = server.logged("{id} disconnected").then(() => true);
    // More bytes than the system buffers for a connection that does not read.
    for (let isOpen = true; isOpen;) {
      sender.send("x".repeat(20_000));
      const next = healthy.next();
      isOpen = !await Promise.race([ended, next.then(() => false)]);
      await next;
    }
    assertEquals(positive(await scrape(server), "chorus_slow_readers_total"), { stalled: 1 });
  });
}

Deno.test("/metrics counts a head that is too long", async () => {
  await using server = await startTestApp();
  const long = ["GET / HTTP/1.1", "Host: 127.0.0.1", `X: ${"x".repeat(20_000)}`];
  assertEquals(await statusOfRaw(server.port, long), 431);
  assertEquals(positive(await scrape(server), "chorus_limit_hits_total"), { head_size: 1 });
});

Deno.test("/metrics shows how far the slowest reader lags", async () => {
  await using server = await startTestApp({ stallTimeoutMs: 0 });
  await using sender = await Peer.open(server.url);
  await using healthy = await Peer.open(server.url);
  using _stalled = await RawPeer.upgrade(server.port);
  for (let count = 0; count < 3; count++) await server.logged("{id} connected");
  // It shows when the system buffers no more for the connection that does not read.
  let lagBytes: number;
  do {
    sender.send("x".repeat(20_000));
    await healthy.next();
    lagBytes = (await scrape(server))["chorus_slowest_reader_lag_bytes"]!;
  } while (lagBytes <= 20_000);
});

/** The samples of a metric with one label that are not 0, by the value of the label. */
function positive(samples: Readonly<Record<string, number>>, name: string) {
  return Object.fromEntries(
    Object.entries(samples).flatMap(([key, value]) => {
      const label = key.match(/^(\w+)\{\w+="(\w+)"\}$/);
      return label?.[1] === name && value > 0 ? [[label[2]!, value]] : [];
    }),
  );
}
