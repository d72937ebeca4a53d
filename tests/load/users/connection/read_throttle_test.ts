import { assert, assertEquals } from "@std/assert";
import { connect } from "../../../../lib/load/users/connection/connect.ts";
import { nextReadMs, ReadThrottle } from "../../../../lib/load/users/connection/read_throttle.ts";
import { encodeFrame, OPCODE } from "../../../../lib/websocket/frame.ts";
import { handshakeResponse } from "../../../../lib/websocket/handshake.ts";
import { Heartbeat } from "../../../../lib/websocket/heartbeat.ts";
import { readHead } from "../../../socket/handshake.ts";
import { FakeTransport } from "../../../websocket/transport/fake_transport.ts";
import { targetAt } from "../attempt.ts";

for (
  const [name, dueMs, nowMs, bytes, nextMs] of [
    ["after as long as the bytes take", 1000, 1000, 500, 1500],
    ["without a delay if it was late by a tick", 1000, 1050, 500, 1500],
    ["with only one tick of credit if it was idle", -Infinity, 1000, 10, 960],
    ["after more than that if it read too early", 1200, 1000, 500, 1700],
  ] as const
) {
  Deno.test(`nextReadMs() is ${name}`, () => {
    assertEquals(nextReadMs(dueMs, nowMs, bytes, 1000), nextMs);
  });
}

Deno.test("ReadThrottle pauses each connection for as long as its bytes take", () => {
  const clock = { nowMs: 0 };
  using throttle = new ReadThrottle(1000, clock);
  const [fast, slow] = [new FakeTransport(false), new FakeTransport(false)];
  throttle.add(fast);
  throttle.add(slow);
  const arePausedAt = (nowMs: number) => {
    clock.nowMs = nowMs;
    throttle.resumeDue();
    return [fast.isPaused, slow.isPaused];
  };
  // A connection that was idle may read 50 bytes more.
  fast.lend(new Uint8Array(50));
  slow.lend(new Uint8Array(250));
  assertEquals(arePausedAt(0), [false, true]);
  fast.lend(new Uint8Array(100));
  assertEquals(arePausedAt(99), [true, true]);
  assertEquals(arePausedAt(100), [false, true]);
  assertEquals(arePausedAt(199), [false, true]);
  assertEquals(arePausedAt(200), [false, false]);
  // It was resumed 40 ms late, and makes up for that.
  assertEquals(arePausedAt(240), [false, false]);
  slow.lend(new Uint8Array(100));
  assertEquals(arePausedAt(299), [false, true]);
  assertEquals(arePausedAt(300), [false, false]);
});

Deno.test("ReadThrottle passes events on, also after it ends", () => {
  using throttle = new ReadThrottle(1, { nowMs: 0 });
  const transport = new FakeTransport(false);
  const events: string[] = [];
  const listener = {
    onData: (bytes: Uint8Array) => void events.push(`data ${bytes.length}`),
    onWritten: () => void events.push("written"),
    onEnd: () => void events.push("end"),
    onGone: (error: Error | undefined) => void events.push(`gone ${error?.message}`),
  };
  transport.listener = listener;
  const end = throttle.add(transport);
  transport.lend(new Uint8Array(3));
  transport.listener.onWritten();
  transport.listener.onEnd();
  transport.listener.onGone(new Error("reset"));
  assertEquals(events, ["data 3", "written", "end", "gone reset"]);
  assertEquals(transport.isPaused, true);
  end();
  assertEquals([transport.isPaused, transport.listener === listener], [false, true]);
});

/** More than fits into the buffers of a socket. */
const TOTAL_BYTES = 32 * 1024 * 1024;

const MESSAGE_BYTES = 10_000;

/** Sends many messages to its only client. `written` counts the bytes that the system has taken. */
function startFlood() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const message = new Uint8Array(MESSAGE_BYTES).fill(120);
  const framed = encodeFrame(OPCODE.text, message);
  const flood = { written: 0, sent: 0 };
  const serving = (async () => {
    using connection = await listener.accept();
    const { head } = await readHead(connection);
    const key = /sec-websocket-key: *(.*)\r\n/i.exec(new TextDecoder().decode(head))![1]!;
    await connection.write(handshakeResponse(key));
    for (; flood.written < TOTAL_BYTES; flood.sent++) {
      for (let rest = framed; rest.length > 0;) {
        const count = await connection.write(rest);
        flood.written += count;
        rest = rest.subarray(count);
      }
    }
    // Answers the close frame.
    await connection.read(new Uint8Array(1024));
    await connection.write(encodeFrame(OPCODE.close, new Uint8Array([1000 >> 8, 1000 & 0xff])));
  })();
  return {
    url: `ws://127.0.0.1:${listener.addr.port}/`,
    flood,
    async [Symbol.asyncDispose]() {
      await serving;
      listener.close();
    },
  };
}

Deno.test("connect() with a throttle slows the server down, and loses nothing", async () => {
  await using server = startFlood();
  const clock = { nowMs: 0 };
  using throttle = new ReadThrottle(1_000_000, clock);
  const target = { ...targetAt(server.url) };
  using heartbeat = new Heartbeat(target.deadlines);
  let received = 0;
  let onArrived = () => {};
  const attempt = await connect(target, {
    user: { ...target, id: 0 },
    timeoutMs: 5000,
    signal: new AbortController().signal,
    clock: heartbeat,
    heartbeat,
    reading: throttle,
    onMessage: (_opcode, bytes, start, end) => {
      assertEquals([end - start, bytes[start]], [MESSAGE_BYTES, 120]);
      received++;
      onArrived();
    },
  });
  assert("connection" in attempt);
  // A read may be 50 ms too early, and has at most 64 KiB.
  for (let step = 1; step <= 10; step++) {
    const arrived = Promise.withResolvers<void>();
    onArrived = arrived.resolve;
    clock.nowMs += 100;
    throttle.resumeDue();
    await arrived.promise;
    const readBytes = received * MESSAGE_BYTES;
    assert(readBytes <= clock.nowMs * 1000 + 2 * 65536, `${readBytes} bytes in ${clock.nowMs} ms`);
  }
  assert(server.flood.written < TOTAL_BYTES);
  const all = Promise.withResolvers<void>();
  const count = Math.ceil(TOTAL_BYTES / (MESSAGE_BYTES + 4));
  onArrived = () => received === count && all.resolve();
  attempt.connection.resume();
  await all.promise;
  assertEquals([received, server.flood.sent], [count, count]);
  await attempt.connection.leave();
});
