import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../../lib/load/config.ts";
import { talk } from "../../lib/load/talk.ts";
import type { Target } from "../../lib/load/users/connection/connect.ts";
import type { Summary } from "../../lib/load/measure/summary.ts";
import { targetOf } from "../../lib/load/users/connection/target.ts";
import { handshakeResponse } from "../../lib/websocket/handshake.ts";
import { parseHead } from "../../lib/websocket/http_head.ts";
import { readHead } from "../socket/handshake.ts";
import { Mailbox } from "../socket/mailbox.ts";

const PEM = {
  cert: new URL("../socket/tls_cert.pem", import.meta.url).pathname,
  key: new URL("../socket/tls_key.pem", import.meta.url).pathname,
};

/** Users that talk to the server of a test. */
interface Talk {
  readonly notices: Mailbox<string>;
  readonly messages: Mailbox<string>;
  readonly done: Promise<Summary>;
  stop(): void;
}

function start(
  port: number,
  overrides: Partial<ClientConfig>,
  deadlines: Partial<Target["deadlines"]> = {},
): Talk {
  const { config } = parseFlags(CLIENT_FLAGS, {
    args: ["--url", `ws://127.0.0.1:${port}/`, "--stagger=0"],
  });
  const stop = new AbortController();
  const notices = new Mailbox<string>();
  const messages = new Mailbox<string>();
  const full = { ...config, ...overrides };
  const done = targetOf(full).then((target) =>
    talk(full, {
      target: { ...target, deadlines: { ...target.deadlines, ...deadlines } },
      signal: stop.signal,
      printMessage: (line) => messages.put(line),
      printNotice: (line) => notices.put(line),
      random: () => 0.999,
    })
  );
  return { notices, messages, done, stop: () => stop.abort() };
}

type SocketHandler = (socket: WebSocket, connection: number) => void;

/** A WebSocket server that calls `onSocket` with each connection and its index, from 1. */
function serve(onSocket: SocketHandler) {
  let connection = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    const index = ++connection;
    socket.onopen = () => onSocket(socket, index);
    return response;
  });
}

/** A TCP server that responds to the first bytes of each connection with `text`, or never. */
function respond(text: string | undefined) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      connections.push(connection);
      if (text === undefined) continue;
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(text));
      connection.closeWrite();
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      await serving;
    },
  };
}

/** Completes the handshake of the next connection, and does nothing more. */
async function acceptWebSocket(listener: Deno.TcpListener): Promise<Deno.TcpConn> {
  const connection = await listener.accept();
  const { head } = await readHead(connection);
  const key = parseHead(head)!.headers.get("sec-websocket-key")!;
  await connection.write(handshakeResponse(key));
  return connection;
}

const REFUSALS: readonly [name: string, response: string, cause: string, advice: string][] = [
  ["404", "HTTP/1.1 404 Not Found\r\n\r\n", "HTTP 404", "HTTP 404 Not Found: check the path"],
  ["403", "HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP 403", "it rejects this client"],
  ["503", "HTTP/1.1 503 Busy\r\n\r\n", "HTTP 503", "HTTP 503 Service Unavailable: it is full"],
  ["a page", "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP 200", "check that --url names a WebSocket"],
  ["an unknown status", "HTTP/1.1 599 Odd\r\n\r\n", "HTTP 599", "HTTP 599: check that --url"],
  ["nothing", "", "closed during the handshake", "check that it speaks WebSocket"],
  [
    "SSH",
    "SSH-2.0-x\r\n",
    "not a WebSocket handshake",
    "(The server does not answer in HTTP): check that it is a WebSocket server",
  ],
];

for (const [name, text, cause, advice] of REFUSALS) {
  Deno.test(`talk() explains the failure if the server responds to the handshake with ${name}`, async () => {
    await using server = respond(text);
    const { notices, done } = start(server.port, { count: 2 });
    const summary = await done;
    assertEquals(summary.failures, new Map([[cause, 2]]));
    assertMatch(await notices.take(), /^Connecting 2 users/);
    assertStringIncludes(await notices.take(), advice);
    assertEquals(await notices.take(), "Connected: 0 of 2");
  });
}

Deno.test("talk() reports a server that never responds to the handshake", async () => {
  await using server = respond(undefined);
  const { notices, done } = start(server.port, { count: 1, connectTimeoutMs: 50 });
  assertEquals((await done).failures, new Map([["handshake timeout", 1]]));
  await notices.take();
  assertStringIncludes(await notices.take(), "within 50 ms (--connect-timeout)");
});

Deno.test("talk() reports handshakes without a response when --duration ends", async () => {
  await using server = respond(undefined);
  const { notices, done } = start(server.port, { count: 2, durationMs: 50 });
  const summary = await done;
  assertEquals([summary.opened, summary.failed, summary.isClean(2)], [0, 0, false]);
  await notices.take();
  assertEquals(
    await notices.take(),
    "The server did not respond to 2 handshakes before --duration ended",
  );
});

Deno.test("talk() stops during a handshake", async () => {
  await using server = respond(undefined);
  const run = start(server.port, { count: 1 });
  await run.notices.take();
  run.stop();
  const summary = await run.done;
  assertEquals([summary.opened, summary.failed], [0, 0]);
});

Deno.test("talk() reconnects after the server closes with 1001", async () => {
  await using server = serve((socket, connection) => {
    if (connection === 1) socket.close(1001, "restarting");
  });
  const { notices, done, stop } = start(server.addr.port, { count: 1 });
  assertMatch(await notices.take(), /^Connecting 1 user to/);
  assertEquals(await notices.take(), "Connected: 1 of 1");
  assertEquals(
    await notices.take(),
    "The server closed a connection with 1001 restarting: reconnecting",
  );
  assertEquals(await notices.take(), "All users have reconnected");
  stop();
  const summary = await done;
  assertEquals([summary.lost, summary.reconnected, summary.isClean(1)], [1, 1, true]);
  assertEquals(summary.closeCodes, new Map([[1001, 1], [1000, 1]]));
});

Deno.test("talk() reconnects after a connection is lost, even after failed attempts", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const { notices, done, stop } = start(port, { count: 1 });
  const connection = await acceptWebSocket(listener);
  await notices.take();
  assertEquals(await notices.take(), "Connected: 1 of 1");
  listener.close();
  connection.close();
  assertMatch(await notices.take(), /^A connection was lost .*: reconnecting$/);
  const back = Promise.withResolvers<void>();
  await using _server = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onopen = () => back.resolve();
      return response;
    },
  );
  await back.promise;
  assertEquals(await notices.take(), "All users have reconnected");
  stop();
  const summary = await done;
  assertEquals([summary.lost, summary.reconnected], [1, 1]);
  assertEquals(summary.closeCodes, new Map([[1006, 1], [1000, 1]]));
});

const NO_CLOSE = "the server did not answer the close frame";

/** Asserts how a run of one user ended whose server does not answer the close frame. */
async function assertUnanswered({ notices, done, stop }: Talk): Promise<void> {
  await notices.take();
  assertEquals(await notices.take(), "Connected: 1 of 1");
  stop();
  const summary = await done;
  assertEquals(await notices.take(), `A connection was lost (${NO_CLOSE})`);
  assertEquals([summary.opened, summary.closeCodes], [1, new Map([[1006, 1]])]);
  assertEquals([summary.losses, summary.isClean(1)], [new Map([[NO_CLOSE, 1]]), false]);
}

Deno.test("talk() counts a user as lost if the server never answers its close frame", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const run = start((listener.addr as Deno.NetAddr).port, { count: 1 }, { closeTimeoutMs: 50 });
  using _silent = await acceptWebSocket(listener);
  await assertUnanswered(run);
});

Deno.test("talk() counts a user as lost if the server answers its close frame with a reset", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const run = start((listener.addr as Deno.NetAddr).port, { count: 1 }, { closeTimeoutMs: 0 });
  const connection = await acceptWebSocket(listener);
  // Closing with unread bytes resets the connection.
  const reading = connection.read(new Uint8Array(1)).then(() => connection.close());
  await assertUnanswered(run);
  await reading;
});

Deno.test("talk() counts a user as left if the server sends its close frame but never ends", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { done, stop, notices } = start(
    (listener.addr as Deno.NetAddr).port,
    { count: 1 },
    { closeTimeoutMs: 50 },
  );
  using connection = await acceptWebSocket(listener);
  await notices.take();
  assertEquals(await notices.take(), "Connected: 1 of 1");
  await connection.write(Uint8Array.of(0x88, 0x02, 0x03, 0xe9));
  stop();
  assertEquals((await done).isClean(1), true);
});

Deno.test("talk() reconnects after the server stopped answering, although it is connected", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { done, stop, notices } = start(
    (listener.addr as Deno.NetAddr).port,
    { count: 1, intervalMs: 1 },
    { pingIntervalMs: 50, pongTimeoutMs: 50, closeTimeoutMs: 50 },
  );
  using _silent = await acceptWebSocket(listener);
  await notices.take();
  assertEquals(await notices.take(), "Connected: 1 of 1");
  const reason = "the server stopped answering";
  assertEquals(await notices.take(), `A connection was lost (${reason}): reconnecting`);
  using _also = await acceptWebSocket(listener);
  assertEquals(await notices.take(), "All users have reconnected");
  stop();
  const summary = await done;
  const { losses, reconnected } = summary;
  assertEquals([losses.get(reason), reconnected, losses.size <= 2], [1, 1, true]);
  assertEquals(summary.isClean(1), false);
});

for (
  const [name, overrides] of [
    ["a user that only listens", { intervalMs: 3_600_000 }],
    ["users that send", { count: 3, intervalMs: 1 }],
  ] as const
) {
  Deno.test(`talk() fails if the server stops answering ${name}, and ends`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const count = "count" in overrides ? overrides.count : 1;
    const { done, notices } = start(
      (listener.addr as Deno.NetAddr).port,
      { count, reconnect: false, ...overrides },
      { pingIntervalMs: 20, pongTimeoutMs: 30 },
    );
    const silent: Deno.TcpConn[] = [];
    while (silent.length < count) silent.push(await acceptWebSocket(listener));
    const summary = await done;
    await notices.take();
    assertEquals(await notices.take(), `Connected: ${count} of ${count}`);
    assertEquals(
      await notices.take(),
      "A connection was lost (the server stopped answering): not reconnecting",
    );
    assertEquals(summary.losses, new Map([["the server stopped answering", count]]));
    assertEquals([summary.disconnected, summary.isClean(count)], [count, false]);
    silent.forEach((each) => each.close());
  });
}

Deno.test("talk() keeps users that receive nothing as long as the server answers pings", async () => {
  const pinged = Promise.withResolvers<void>();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { done, stop } = start(
    (listener.addr as Deno.NetAddr).port,
    { count: 1 },
    { pingIntervalMs: 20, pongTimeoutMs: 5000, closeTimeoutMs: 50 },
  );
  using connection = await acceptWebSocket(listener);
  const answering = (async () => {
    const frame = new Uint8Array(6);
    for (let pings = 0;; pings++) {
      if (await connection.read(frame) === null) return;
      if (frame[0] === 0x88) return void await connection.write(Uint8Array.of(0x88, 0x00));
      if (pings === 3) pinged.resolve();
      await connection.write(Uint8Array.of(0x8a, 0x00));
    }
  })();
  await pinged.promise;
  stop();
  const summary = await done;
  connection.closeWrite();
  await answering;
  assertEquals(summary.lost, 0);
});

Deno.test("talk() ends although a TLS server never answers its close frame", async () => {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(PEM.cert),
    key: await Deno.readTextFile(PEM.key),
  });
  const url = `wss://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`;
  const run = start(0, { count: 1, url, insecure: true }, { closeTimeoutMs: 50 });
  using conn = await listener.accept();
  const { head } = await readHead(conn);
  const key = parseHead(head)!.headers.get("sec-websocket-key")!;
  await conn.write(handshakeResponse(key));
  await assertUnanswered(run);
});

const FINAL: readonly [name: string, code: number, overrides: Partial<ClientConfig>][] = [
  ["after the server closes with 1008", 1008, {}],
  ["with --no-reconnect", 1001, { reconnect: false }],
];

for (const [name, code, overrides] of FINAL) {
  Deno.test(`talk() does not reconnect ${name}`, async () => {
    await using server = serve((socket) => socket.close(code, "no"));
    const { notices, done } = start(server.addr.port, { count: 1, ...overrides });
    const summary = await done;
    assertEquals([summary.lost, summary.reconnected, summary.isClean(1)], [1, 0, false]);
    assertEquals(summary.closeCodes, new Map([[code, 1]]));
    await notices.take();
    await notices.take();
    assertEquals(
      await notices.take(),
      `The server closed a connection with ${code} no: not reconnecting`,
    );
  });
}

Deno.test("talk() fills in the id, and prints each received message as one escaped line", async () => {
  const received = new Mailbox<string>();
  await using server = serve((socket) => {
    socket.onmessage = ({ data }) => received.put(data);
    socket.send("two\nlines");
    socket.send(Uint8Array.of(1, 2, 3));
  });
  const { messages, done, stop } = start(server.addr.port, {
    count: 1,
    intervalMs: 1,
    message: "{id}, not {you}, says {id}",
  });
  assertEquals(await messages.take(), "Client 1: two\\nlines");
  assertEquals(await messages.take(), "Client 1: (3 bytes)");
  assertEquals(await received.take(), "1, not {you}, says 1");
  stop();
  const summary = await done;
  assertEquals(summary.received, 2);
});

Deno.test("talk() sends the headers of the flags, and accepts the chosen subprotocol", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const run = start((listener.addr as Deno.NetAddr).port, {
    count: 1,
    header: ["X-One: 1", "x-two:2"],
    origin: "https://a.example",
    protocol: ["chorus.v1", "other"],
    token: "secret",
  });
  using conn = await listener.accept();
  const { headers } = parseHead((await readHead(conn)).head)!;
  const sent = ["x-one", "x-two", "origin", "sec-websocket-protocol", "authorization"]
    .map((name) => headers.get(name));
  assertEquals(sent, ["1", "2", "https://a.example", "chorus.v1, other", "Bearer secret"]);
  const response = new TextDecoder().decode(handshakeResponse(headers.get("sec-websocket-key")!));
  await conn.write(
    new TextEncoder().encode(
      response.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: other\r\n\r\n"),
    ),
  );
  await run.notices.take();
  assertEquals(await run.notices.take(), "Connected: 1 of 1");
  conn.close();
  run.stop();
  await run.done;
});

for (
  const [name, overrides, opened, advice] of [
    ["rejects an unknown certificate", {}, 0, "is self-signed: add it with --cacert"],
    ["trusts the certificates of --cacert", { cacert: PEM.cert }, 1, undefined],
    ["trusts any certificate with --insecure", { insecure: true }, 1, undefined],
  ] as const
) {
  Deno.test(`talk() ${name}`, async () => {
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      cert: await Deno.readTextFile(PEM.cert),
      key: await Deno.readTextFile(PEM.key),
      onListen: () => {},
    }, (request) => Deno.upgradeWebSocket(request).response);
    const url = `wss://localhost:${server.addr.port}/`;
    const { notices, done, stop } = start(server.addr.port, { count: 1, url, ...overrides });
    await notices.take();
    if (advice) assertStringIncludes(await notices.take(), advice);
    assertEquals(await notices.take(), `Connected: ${opened} of 1`);
    stop();
    assertEquals((await done).opened, opened);
  });
}
