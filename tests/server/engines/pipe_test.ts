import { assertEquals } from "@std/assert";
import { Pipe, type PipedRequest, type PipeListener } from "../../../lib/server/engines/pipe.ts";
import { parseRequestHead } from "../../../lib/server/engines/request_head.ts";
import { FakeTransport } from "../../websocket/transport/fake_transport.ts";

const encoder = new TextEncoder();
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A pipe between two transports whose writes end with `settleOne()`. */
function openPipe() {
  const client = new FakeTransport(true), upstream = new FakeTransport(true);
  const events: string[] = [];
  const listener: PipeListener = {
    onIdle: (rest) => events.push(`idle ${new TextDecoder().decode(rest)}`),
    onFault: ({ status }) => events.push(`fault ${status}`),
    onStalled: () => events.push("stalled"),
    onBadResponse: () => events.push("bad response"),
    onEnd: () => events.push("end"),
    onGone: () => events.push("gone"),
    onClosed: () => events.push("closed"),
  };
  const timeouts = { requestTimeoutMs: 30, stallTimeoutMs: 20, keepAliveMs: 10 };
  const pipe = new Pipe(client, upstream, { listener, timeouts });
  return { client, upstream, pipe, events };
}

function request(text: string, sinceMs = 0): PipedRequest {
  const bytes = encoder.encode(text);
  const headLength = text.indexOf("\r\n\r\n") + 4;
  return { head: parseRequestHead(bytes.subarray(0, headLength)), bytes, headLength, sinceMs };
}

function sent({ written }: FakeTransport): string {
  return new TextDecoder().decode(new Uint8Array(written));
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";

Deno.test("Pipe holds back what follows a request until its response is written", () => {
  const { client, upstream, pipe, events } = openPipe();
  pipe.exchange(request(`${GET}next`));
  assertEquals([sent(upstream), client.isPaused], [GET, true]);
  upstream.settleOne();
  assertEquals(client.isPaused, true);
  upstream.lend(encoder.encode(OK));
  assertEquals([sent(client), upstream.isPaused, events], [OK, true, []]);
  client.settleOne();
  assertEquals([upstream.isPaused, events], [false, ["idle next"]]);
});

Deno.test("Pipe reads no more of a body than the upstream takes", () => {
  const { client, upstream, pipe } = openPipe();
  pipe.exchange(request(`${POST}ab`));
  assertEquals(client.isPaused, true);
  upstream.settleOne();
  assertEquals(client.isPaused, false);
  client.lend(encoder.encode("cd"));
  assertEquals([sent(upstream), client.isPaused], [`${POST}abcd`, true]);
  upstream.settleOne();
  assertEquals(client.isPaused, false);
});

Deno.test("Pipe ends after the write under way when the upstream ends", () => {
  const { client, upstream, pipe, events } = openPipe();
  pipe.exchange(request(GET));
  upstream.settleOne();
  upstream.lend(encoder.encode("HTTP/1.0 200 OK\r\n\r\nhalf"));
  upstream.listener.onEnd();
  assertEquals(events, []);
  client.settleOne();
  assertEquals([events, upstream.ending], [["end"], "destroy"]);
});

Deno.test("Pipe drops the rest of a request that has been answered early", () => {
  const { client, upstream, pipe, events } = openPipe();
  pipe.exchange(request(POST));
  upstream.settleOne();
  upstream.lend(encoder.encode("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n"));
  assertEquals(client.isPaused, true);
  client.settleOne();
  assertEquals(events, ["end"]);
});

Deno.test("Pipe waits for the response of a client that has ended its side", () => {
  const { client, upstream, pipe, events } = openPipe();
  pipe.exchange(request(GET));
  upstream.settleOne();
  client.listener.onEnd();
  assertEquals([upstream.ending, events], [undefined, []]);
  upstream.lend(encoder.encode(OK));
  client.settleOne();
  assertEquals(events, ["end"]);
});

Deno.test("Pipe ends an event stream when its client has ended its side", () => {
  const { client, upstream, pipe, events } = openPipe();
  client.isSlow = false;
  pipe.exchange(request(GET));
  upstream.settleOne();
  client.listener.onEnd();
  upstream.lend(encoder.encode(
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
  ));
  assertEquals([events, upstream.ending], [["end"], "destroy"]);
});

Deno.test("Pipe.check() reports a late request, but not after its response has begun", () => {
  for (const [begin, expected] of [["", ["fault 408"]], ["HTTP/1.1 200", []]] as const) {
    const { client, upstream, pipe, events } = openPipe();
    client.isSlow = false;
    pipe.exchange(request(POST, 1000));
    upstream.settleOne();
    upstream.lend(encoder.encode("HTTP/1.1 100 Continue\r\n\r\n"));
    if (begin) upstream.lend(encoder.encode(begin));
    pipe.check(1029);
    assertEquals(events, []);
    pipe.check(1030);
    assertEquals(events, [...expected]);
  }
});

Deno.test("Pipe.check() resets a client that reads nothing of a response", () => {
  const { client, upstream, pipe, events } = openPipe();
  pipe.exchange(request(GET));
  upstream.settleOne();
  const beforeMs = performance.now();
  upstream.lend(encoder.encode(OK));
  pipe.check(beforeMs + 19);
  assertEquals([client.ending, events], [undefined, []]);
  pipe.check(performance.now() + 20);
  assertEquals([client.ending, events], ["reset", ["stalled"]]);
});

Deno.test("Pipe.check() never ends a response under way, however quiet", () => {
  const { client, upstream, pipe, events } = openPipe();
  client.isSlow = false;
  pipe.exchange(request(GET));
  upstream.settleOne();
  pipe.check(performance.now() + 1e9);
  upstream.lend(encoder.encode("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"));
  pipe.check(performance.now() + 1e9);
  assertEquals([events, client.ending, upstream.ending], [[], undefined, undefined]);
});

Deno.test("Pipe.check() ends an HTTP/2 connection only when no request is open", async () => {
  const { client, upstream, pipe, events } = openPipe();
  client.isSlow = false;
  pipe.exchange(request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
  upstream.settleOne();
  assertEquals(client.isPaused, false);
  const completed = Promise.withResolvers<void>();
  pipe.count(completed.promise);
  pipe.check(performance.now() + 1e9);
  assertEquals(events, []);
  completed.resolve();
  await completed.promise;
  pipe.check(performance.now() + 9);
  assertEquals(events, []);
  pipe.check(performance.now() + 10);
  assertEquals(events, ["end"]);
});

for (const bytes of ["HTTP/1.1 nonsense\n", `${OK}HTTP/1.1 200`]) {
  Deno.test(`Pipe resets the client's connection after the response ${JSON.stringify(bytes)}`, () => {
    const { client, upstream, pipe, events } = openPipe();
    pipe.exchange(request(GET));
    upstream.settleOne();
    upstream.lend(encoder.encode(bytes));
    assertEquals([client.ending, events, sent(client)], ["reset", ["bad response"], ""]);
  });
}
