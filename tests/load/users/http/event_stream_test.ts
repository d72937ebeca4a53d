import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { PassThrough } from "node:stream";
import type { ClientConfig } from "../../../../lib/load/config.ts";
import { MARKER_BYTES } from "../../../../lib/load/measure/ledger/marker.ts";
import type {
  Attempt,
  ConnectOptions,
  Target,
} from "../../../../lib/load/users/connection/connect.ts";
import { EventStream, openEventStream } from "../../../../lib/load/users/http/event_stream.ts";
import { Heartbeat } from "../../../../lib/websocket/heartbeat.ts";
import { startTestApp } from "../../../socket/test_app.ts";
import { CLEAN, measure } from "../../measured.ts";
import { targetAt } from "../attempt.ts";

const HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
const CHUNKED_HEAD = HEAD.replace("\r\n\r\n", "\r\nTransfer-Encoding: chunked\r\n\r\n");

/** A server that answers one request with this text, and then ends the connection. */
function answerWith(text: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked = (async () => {
    using conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    const length = await conn.read(buffer);
    await conn.write(new TextEncoder().encode(text));
    return new TextDecoder().decode(buffer.subarray(0, length ?? 0));
  })();
  return {
    url: `ws://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/ws?room=tea&name=Ann`,
    /** The request. */
    asked,
    async [Symbol.asyncDispose]() {
      await asked;
      listener.close();
    },
  };
}

async function open(
  url: string,
  overrides: Partial<ConnectOptions> = {},
  tls: Partial<Target> = {},
): Promise<{ readonly attempt: Attempt<EventStream> }> {
  const target = { ...targetAt(url), ...tls };
  using heartbeat = new Heartbeat(target.deadlines);
  const attempt = await openEventStream(target, {
    user: { id: 1, url, headers: { authorization: "Bearer t" } },
    timeoutMs: 5000,
    signal: new AbortController().signal,
    clock: heartbeat,
    heartbeat,
    reading: "everything",
    onMessage: () => {},
    ...overrides,
  });
  return { attempt };
}

/** The messages of an event stream that is read in these parts. */
async function messagesIn(...parts: readonly Uint8Array[]): Promise<readonly string[]> {
  const body = new PassThrough();
  const messages: string[] = [];
  const stream = new EventStream(body, {
    clock: { nowMs: 0 },
    onMessage: (_opcode, bytes, start, end) =>
      messages.push(new TextDecoder().decode(bytes.subarray(start, end))),
  });
  parts.forEach((part) => body.write(part));
  body.end();
  const status = await stream.closed;
  assertEquals(status, { code: 1006, reason: "the server ended the event stream" });
  return messages;
}

const MARKER = `~${"a".repeat(MARKER_BYTES - 2)}~`;

for (
  const [name, text, messages] of [
    ["of several bytes per character", "data:\u2764\n\ndata: you\n\n", ["\u2764", "you"]],
    ["with lines that end with CRLF", "data:a\r\nid:1\r\n\r\ndata:b\r\n\r\n", ["a", "b"]],
    ["with lines that end with CR", "data:a\r\rdata:b\r\r:\r", ["a", "b"]],
    ["with comments and a retry time", ":\n\nretry:3\n\n: hi\n\ndata:a\n\n", ["a"]],
    ["with several lines of data", "data:a\ndata:\ndata: b\n\n", ["a\n\nb"]],
    ["with events of the server's own", "event:welcome\ndata:{}\n\nevent:x\ndata:y\n\n", []],
    ["with names for the events of messages", `event:chat\ndata:${MARKER}\n\n`, [MARKER]],
    ["that ends in the middle of an event", "data:a\n\ndata:b\n", ["a"]],
  ] as const
) {
  Deno.test(`EventStream reads a stream ${name}, at once and byte by byte`, async () => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(await messagesIn(bytes), [...messages]);
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    assertEquals(await messagesIn(...single), [...messages]);
  });
}

Deno.test("EventStream reads an event that is longer than its memory for events", async () => {
  const long = "\u2764".repeat(50_000);
  assertEquals(await messagesIn(new TextEncoder().encode(`data:${long}\n\n`)), [long]);
});

for (
  const [text, reason] of [
    [
      `${HEAD}event:error\ndata:{"type":"error","code":"removed"}\n\n`,
      "the server ended the event stream: removed",
    ],
    [`${HEAD}event:error\ndata:oh\n\n`, "the server ended the event stream: error"],
    [
      `${HEAD}event:reconnect\ndata:{"type":"reconnect","inMs":4}\n\n`,
      "the server ended the event stream: reconnect",
    ],
    [`${CHUNKED_HEAD}9\r\ndata:a\n\nd\r\n9\r\ndata`, "the event stream broke off"],
    [`${CHUNKED_HEAD}nonsense\r\n`, "the event stream broke off"],
  ] as const
) {
  const body = JSON.stringify(text.slice(text.indexOf("\r\n\r\n") + 4));
  Deno.test(`EventStream.closed tells how a stream of ${body} ended`, async () => {
    await using server = answerWith(text);
    const { attempt } = await open(server.url);
    assert("connection" in attempt);
    assertEquals(await attempt.connection.closed, { code: 1006, reason });
  });
}

Deno.test("openEventStream() asks for the events of the user's room, with its headers", async () => {
  await using server = answerWith(HEAD);
  await open(server.url);
  const request = await server.asked;
  assertMatch(request, /^GET \/rooms\/tea\/events\?name=Ann HTTP\/1\.1\r\n/);
  assertMatch(request, /\r\nauthorization: Bearer t\r\n/i);
  assertMatch(request, new RegExp(`\r\nhost: ${new URL(server.url).host}\r\n`, "i"));
});

for (
  const [text, cause] of [
    ["HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "HTTP 404"],
    ["HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", "not an event stream"],
    ["SSH-2.0\r\n\r\n", "not HTTP"],
    ["\x15\x03\x01\x00\x02\x02\x46", "needs wss://"],
    ["", "closed before an answer"],
  ] as const
) {
  Deno.test(`openEventStream() fails with the cause "${cause}"`, async () => {
    await using server = answerWith(text);
    const { attempt } = await open(server.url);
    assert("failure" in attempt);
    assertEquals(attempt.failure.cause, cause);
  });
}

Deno.test("openEventStream() trusts the certificates that WebSockets trust", async () => {
  const folder = new URL("../connection/certificates/", import.meta.url);
  const read = (name: string) => Deno.readTextFileSync(new URL(name, folder));
  await using server = Deno.serve({
    ...{ hostname: "127.0.0.1", port: 0, key: read("key.pem"), cert: read("good.pem") },
    onListen: () => {},
  }, () => new Response("data:a\n\n", { headers: { "content-type": "text/event-stream" } }));
  const url = `wss://localhost:${server.addr.port}/ws`;
  const { attempt } = await open(url);
  assert("failure" in attempt);
  assertEquals(attempt.failure.cause, "certificate not trusted");
  for (const tls of [{ isInsecure: true }, { caCerts: read("ca.pem") }]) {
    const { attempt } = await open(url, {}, tls);
    assert("connection" in attempt);
    await attempt.connection.closed;
  }
});

Deno.test("openEventStream() gives up after its timeout, and when the signal aborts", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `ws://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/ws`;
  const { attempt } = await open(url, { timeoutMs: 1 });
  assert("failure" in attempt);
  assertStringIncludes(attempt.failure.advice, "/rooms/NAME/events did not answer within 1 ms");
  const stop = new AbortController();
  const opening = open(url, { signal: stop.signal });
  stop.abort();
  assertEquals((await opening).attempt, { aborted: true });
});

Deno.test("EventStream.leave() ends the stream, with the code 1000", async () => {
  await using server = await startTestApp();
  const { attempt } = await open(server.url);
  assert("connection" in attempt);
  assertEquals(await attempt.connection.leave(), { code: 1000, reason: "" });
  assertEquals(attempt.connection.isOpen, false);
});

/** Waits long for what is late: the machine may be busy. */
const HALF: Partial<ClientConfig> = { count: 6, senders: 2, sse: "50%", drainTimeoutMs: 10_000 };

Deno.test("--sse has exact counts with Chorus, in one thread and in two", async () => {
  await using server = await startTestApp();
  for (const workers of [1, 2]) {
    const { json, text, exitCode } = await measure(server.port, { ...HALF, workers });
    const { delivery, connections, latencyMs, messages } = json();
    assertEquals([messages.sent, delivery], [10, { ...CLEAN, delivered: 50 }], text);
    assertEquals([connections.opened, connections.closeCodes], [6, { 1000: 6 }]);
    assertEquals([latencyMs.delivery.count, latencyMs.handshake.count, exitCode], [50, 6, 0]);
  }
});

Deno.test("--sse lets users of event streams reconnect with --churn", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, { ...HALF, churn: 50, durationMs: 300 });
  const { delivery, connections } = json();
  assert(connections.churned > 0);
  assertEquals([delivery.lost, delivery.duplicated, delivery.foreign, exitCode], [0, 0, 0, 0]);
});

Deno.test("--sse counts event streams that the server refuses as failed, with advice", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) =>
      request.headers.has("upgrade")
        ? Deno.upgradeWebSocket(request).response
        : new Response("full", { status: 503 }),
  );
  const { json, notices } = await measure(server.addr.port, { ...HALF, drainTimeoutMs: 0 });
  const { connections } = json();
  assertEquals([connections.opened, connections.failures], [3, { "HTTP 503": 3 }]);
  const advice = `http://127.0.0.1:${server.addr.port}/rooms/NAME/events refused the request with`;
  assertStringIncludes(notices[1]!, advice);
});
