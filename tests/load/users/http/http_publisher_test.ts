import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ClientConfig } from "../../../../lib/load/config.ts";
import { type DueMessage, HttpPublisher } from "../../../../lib/load/users/http/http_publisher.ts";
import type { UserPlan } from "../../../../lib/load/users/user_plan.ts";
import { startTestApp } from "../../../socket/test_app.ts";
import { CLEAN, measure } from "../../measured.ts";
import { ScriptedChorus } from "../../scripted_chorus.ts";
import { targetAt } from "../attempt.ts";

/** Decides about a message: its status, and whether all users get it. */
type Decide = (index: number) => readonly [status: number, isPublished: boolean] | "silence";

/** A server that takes messages over HTTP, and sends them to all WebSockets. */
function serve(decide: Decide) {
  const sockets = new Set<WebSocket>();
  const left = Promise.withResolvers<Response>();
  let index = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (request.headers.has("upgrade")) {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => sockets.add(socket);
      socket.onclose = () => {
        sockets.delete(socket);
        if (sockets.size === 0) left.resolve(new Response());
      };
      return response;
    }
    const text = await request.text();
    const decision = decide(index++);
    if (decision === "silence") return left.promise;
    const [status, isPublished] = decision;
    if (isPublished) sockets.forEach((socket) => socket.send(text));
    return new Response(null, { status });
  });
}

/** A run over HTTP that waits long for what is late: the machine may be busy. */
const HTTP: Partial<ClientConfig> = { publish: "http", drainTimeoutMs: 10_000 };

/** The same for a run in which something never arrives. */
const LOSSY: Partial<ClientConfig> = { publish: "http", drainTimeoutMs: 2000 };

const ALL = { acked: 10, refused: 0, unanswered: 0, unknown: 0, errors: {}, gaps: {} };

const SERVERS: readonly [
  name: string,
  decide: Decide,
  counts: Partial<typeof CLEAN>,
  acks: Partial<typeof ALL> & object,
][] = [
  ["accepts every message", () => [201, true], {}, {}],
  [
    "refuses every third message",
    (index) => index % 3 === 2 ? [429, false] : [201, true],
    { delivered: 21 },
    { acked: 7, refused: 3, errors: { "HTTP 429": 3 } },
  ],
  [
    "refuses the first two messages and the last",
    (index) => index < 2 || index === 9 ? [503, false] : [200, true],
    { delivered: 21 },
    { acked: 7, refused: 3, errors: { "HTTP 503": 3 } },
  ],
  [
    "refuses every message",
    () => [413, false],
    { delivered: 0 },
    { acked: 0, refused: 10, errors: { "HTTP 413": 10 } },
  ],
  ["accepts the third message and drops it", (index) => [202, index !== 2], {
    delivered: 27,
    lost: 3,
  }, {}],
  [
    "fails at the third message after publishing it",
    (index) => [index === 2 ? 502 : 201, true],
    {},
    { acked: 9, unanswered: 1, errors: { "HTTP 502": 1 } },
  ],
  [
    "fails at the third message before publishing it",
    (index) => index === 2 ? [500, false] : [201, true],
    { delivered: 27, lost: 3 },
    { acked: 9, unanswered: 1, errors: { "HTTP 500": 1 } },
  ],
];

for (const [name, decide, counts, acks] of SERVERS) {
  Deno.test(`--publish http has exact counts if the server ${name}`, async () => {
    await using server = serve(decide);
    const { json, exitCode } = await measure(server.addr.port, counts.lost ? LOSSY : HTTP);
    const { delivery, messages, latencyMs, acks: found } = json();
    assertEquals(messages.sent, 10);
    assertEquals(delivery, { ...CLEAN, delivered: 30, ...counts });
    assertEquals(found, { ...ALL, ...acks });
    assertEquals(latencyMs.ack?.count ?? 0, found.acked);
    assertEquals(exitCode, found.acked === 10 && delivery.lost === 0 ? 0 : 1);
  });
}

Deno.test("--publish http tells a server that stops answering, and what it did not send", async () => {
  await using server = serve((index) => index === 2 ? "silence" : [201, true]);
  const { text, exitCode } = await measure(server.addr.port, { ...LOSSY, json: false });
  assertStringIncludes(text, "\nNot every message was acked: 1 unanswered\n");
  assertStringIncludes(text, "\n  sent         3; 7 not sent because the server did not answer\n");
  assertStringIncludes(
    text,
    "\n  acked        2\n  refused      0\n  unanswered   1\n",
  );
  assertMatch(text, /\n {2}delivered +6\n {2}lost +3\n/);
  assertEquals(exitCode, 1);
});

Deno.test("--publish http prints the acks, and advice for each kind of refusal once", async () => {
  await using server = serve((index) => index % 2 === 0 ? [429, false] : [201, true]);
  const { text, notices } = await measure(server.addr.port, { ...HTTP, json: false });
  assertStringIncludes(
    text,
    "once and in order: 15 deliveries\nNot every message was acked: 5 refused\n",
  );
  assertStringIncludes(
    text,
    "\nAcks\n  acked        5\n  refused      5\n  unanswered   0\n  errors       5 × HTTP 429\n",
  );
  assertMatch(text, /\n {2}ack +\d.*\n {2}ack since sent +\d/);
  const { port } = server.addr;
  assertEquals(notices.slice(2), [
    `http://127.0.0.1:${port}/rooms/NAME/messages refused a message with HTTP 429 ` +
    "Too Many Requests: it limits how often a client may publish; lower --rate, or raise the limit",
  ]);
});

for (
  const [name, flags, delivered] of [
    ["WebSockets that listen", { count: 5, senders: 2 }, 50],
    ["all users sending in two threads", { count: 4, senders: 0, workers: 2 }, 40],
    ["no WebSocket at all", { count: 4, senders: 0, sse: "100%" }, 40],
    [
      "rooms, and half the users on event streams",
      { count: 8, senders: 0, rooms: 4, sse: "4" },
      20,
    ],
  ] as const satisfies readonly (readonly [string, Partial<ClientConfig>, number])[]
) {
  Deno.test(`--publish http has exact counts with Chorus and ${name}`, async () => {
    await using server = await startTestApp();
    const { json, text, exitCode } = await measure(server.port, { ...HTTP, ...flags });
    const { delivery, messages, acks } = json();
    assertEquals([messages.sent, delivery], [10, { ...CLEAN, delivered }], text);
    assertEquals([acks, exitCode], [ALL, 0]);
  });
}

Deno.test("--publish http adds the gaps and errors of users that speak chorus.v1", async () => {
  let index = 0;
  await using server: ScriptedChorus = new ScriptedChorus({
    respond: (request) => request.method === "POST" ? publish(request) : undefined,
  });
  const publish = async (request: Request) => {
    const text = await request.text();
    if (index === 2) {
      for (const member of server.members) {
        member.send({ type: "gap", after: "e-1", before: "e-5", missedCount: 3, reason: "slow" });
        member.send({ type: "error", code: "bad_token", message: "no" });
        member.send({ type: "ack", id: "stranger", position: "e-1" });
      }
    }
    if (index++ === 4) return new Response(null, { status: 429 });
    server.publish(text, { id: "http", send: () => {} });
    return new Response(null, { status: 201 });
  };
  const { json } = await measure(server.port, { ...HTTP, protocol: ["chorus.v1"] });
  const { acks, delivery, latencyMs } = json();
  assertEquals(acks, {
    ...{ acked: 9, refused: 1, unanswered: 0, unknown: 3 },
    errors: { "HTTP 429": 1, bad_token: 3 },
    gaps: { slow: { count: 3, missed: 9 } },
  });
  assertEquals([delivery, latencyMs.ack.count], [{ ...CLEAN, delivered: 27 }, 9]);
});

Deno.test("--publish http counts no message as lost that Chorus refuses", async () => {
  await using server = await startTestApp({ maxMessageBytes: 100 });
  const { json, exitCode } = await measure(server.port, { ...HTTP, size: 200 });
  const { delivery, acks } = json();
  assertEquals([delivery, exitCode], [{ ...CLEAN, delivered: 0 }, 1]);
  assertEquals(acks, { ...ALL, acked: 0, refused: 10, errors: { "HTTP 413": 10 } });
});

Deno.test("--find-max passes no rate at which the server refuses messages", async () => {
  await using server = serve((index) => index === 0 ? [201, true] : [429, false]);
  const { json, exitCode } = await measure(server.addr.port, {
    ...HTTP,
    findMax: "lost=0",
    rate: 4,
    durationMs: 500,
  });
  assertEquals([json().maxRate, json().runs.length, exitCode], [0, 3, 99]);
});

/** A publisher, what it has published so far, and how many messages receivers expect. */
function publisherAt(port: number) {
  const sentBySender = new Int32Array(2);
  const acked: number[] = [];
  const notices: string[] = [];
  const settled = { resolve: () => {} };
  const url = `ws://127.0.0.1:${port}/ws?room=tea`;
  const publisher = new HttpPublisher({
    target: targetAt(url),
    sentBySender,
    encode: ({ plan: { sender }, dueMs }) => {
      sentBySender[sender]!++;
      return new TextEncoder().encode(`${sender} ${dueMs}`);
    },
    onAcked: ({ dueMs }) => {
      acked.push(dueMs);
      settled.resolve();
    },
    onNotice: (line) => {
      notices.push(line);
      settled.resolve();
    },
  });
  const publish = (sender: number, dueMs: number, headers = {}) =>
    publisher.publish(
      { plan: { sender, url, headers } as UserPlan, dueMs, lateUs: 0 } satisfies DueMessage,
    );
  /** Resolves when another message has been acknowledged, or a notice printed. */
  const next = () => new Promise<void>((resolve) => settled.resolve = resolve);
  return { publisher, publish, next, acked, notices, sentBySender };
}

Deno.test("HttpPublisher sends the messages of one sender one after the other", async () => {
  const waiting: { readonly text: string; readonly answer: () => void }[] = [];
  const came = { resolve: () => {} };
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const answered = Promise.withResolvers<void>();
      waiting.push({ text: await request.text(), answer: answered.resolve });
      came.resolve();
      await answered.promise;
      return new Response();
    },
  );
  const arrivals = async (count: number) => {
    while (waiting.length < count) await new Promise<void>((resolve) => came.resolve = resolve);
    return waiting.splice(0);
  };
  const { publisher, publish, next, acked } = publisherAt(server.addr.port);
  for (const [sender, dueMs] of [[0, 1], [0, 2], [1, 3]] as const) publish(sender, dueMs);
  assertEquals(publisher.pending, 3);
  const first = await arrivals(2);
  assertEquals(first.map(({ text }) => text).sort(), ["0 1", "1 3"]);
  first.find(({ text }) => text === "0 1")!.answer();
  await next();
  assertEquals(acked, [1]);
  const [second] = await arrivals(1);
  assertEquals(second!.text, "0 2");
  [...first, second!].forEach(({ answer }) => answer());
  while (publisher.pending > 0) await next();
  assertEquals([publisher.close(), publisher.acks.acked], [0, 3]);
});

Deno.test("HttpPublisher posts plain text with the user's headers, which may change its type", async () => {
  const requests: (readonly string[])[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { method, url, headers } = request;
      requests.push([
        `${method} ${new URL(url).pathname}`,
        headers.get("content-type")!,
        headers.get("x-a") ?? "",
        await request.text(),
      ]);
      return new Response();
    },
  );
  const { publisher, publish, next } = publisherAt(server.addr.port);
  publish(0, 1);
  await next();
  publish(1, 2, { "content-type": "application/json", "x-a": "1" });
  await next();
  publisher.close();
  assertEquals(requests, [
    ["POST /rooms/tea/messages", "text/plain; charset=utf-8", "", "0 1"],
    ["POST /rooms/tea/messages", "application/json", "1", "1 2"],
  ]);
});

Deno.test("HttpPublisher counts a message as unanswered if the connection closes", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { publisher, publish, next, notices, sentBySender } = publisherAt(
    (listener.addr as Deno.NetAddr).port,
  );
  publish(0, 1);
  const conn = await listener.accept();
  await conn.read(new Uint8Array(1000));
  const failed = next();
  conn.close();
  await failed;
  publisher.close();
  const { unanswered, errors } = publisher.acks;
  assertEquals([unanswered, [...errors]], [1, [["connection closed", 1]]]);
  assertStringIncludes(notices[0]!, "/messages closed the connection without an answer");
  assertEquals(sentBySender[0], 1);
});

Deno.test("HttpPublisher expects nobody to get a message that it could not send", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { publisher, publish, next, notices, sentBySender } = publisherAt(port);
  publish(0, 1);
  await next();
  publisher.close();
  const { refused, errors } = publisher.acks;
  assertEquals([refused, [...errors]], [1, [["cannot reach the server", 1]]]);
  assertStringIncludes(notices[0]!, `Cannot reach ws://127.0.0.1:${port}/ws`);
  assertEquals(sentBySender[0], 0);
});

Deno.test("HttpPublisher.publish() takes a bounded number of messages, and drop() forgets them", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { publisher, publish } = publisherAt((listener.addr as Deno.NetAddr).port);
  let taken = 0;
  while (publish(0, taken)) taken++;
  assert(taken > 1000);
  assertEquals(publisher.pending, taken);
  assertEquals([publisher.drop(), publisher.pending], [taken - 1, 1]);
  assertEquals([publish(0, 0), publisher.close()], [true, 1]);
  assertEquals([publisher.acks.unanswered, publisher.acks.errors.size], [1, 0]);
  assertEquals(publish(0, 0), false);
});
