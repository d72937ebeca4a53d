import { assertEquals } from "@std/assert";
import type { CloseStatus } from "../../lib/websocket/close_frame.ts";
import { Connection, type ConnectionListener } from "../../lib/websocket/connection.ts";
import { encodeFrame, type MessageOpcode, type Role } from "../../lib/websocket/frame.ts";
import {
  CONFORMANCE_CASES,
  decodeWireFrames,
  encodeWireFrame,
  frame,
  MAX_MESSAGE_BYTES,
  payloadBytes,
} from "./conformance_cases.ts";
import { FakeTransport } from "./transport/fake_transport.ts";

/** A connection that echoes every message, over a fake transport. */
class Echo implements ConnectionListener {
  readonly transport: FakeTransport;
  readonly connection: Connection;
  readonly events: string[] = [];
  status: CloseStatus | undefined;
  backlog: Promise<void> | undefined;
  readonly #role: Role;

  constructor(role: Role, isSlow = true) {
    this.#role = role;
    this.transport = new FakeTransport(isSlow);
    const clock = { nowMs: 0 };
    const options = { role, maxMessageBytes: MAX_MESSAGE_BYTES, clock };
    this.connection = new Connection(this.transport, options, this);
  }

  onMessage(opcode: MessageOpcode, bytes: Uint8Array, start: number, end: number): void {
    this.connection.send(opcode, bytes.subarray(start, end));
  }

  onClosing(): void {
    this.events.push("closing");
  }

  onClosed(status: CloseStatus): void {
    this.events.push("closed");
    this.status = status;
  }

  /** The frames that it has written. */
  get frames() {
    return decodeWireFrames(Uint8Array.from(this.transport.written), this.#role);
  }
}

/** Cuts bytes in many ways: not at all, in two at each of many places, and into single bytes. */
function* cuts(bytes: Uint8Array): Generator<Uint8Array[]> {
  yield [bytes];
  const step = bytes.length < 300 ? 1 : Math.ceil(bytes.length / 40);
  for (let at = 1; at < bytes.length; at += at < 40 ? 1 : step) {
    yield [bytes.subarray(0, at), bytes.subarray(at)];
  }
  if (bytes.length < 300) yield Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
}

for (const role of ["server", "client"] as const) {
  const peer = role === "server" ? "client" : "server";

  for (const { name, frames, answer } of CONFORMANCE_CASES) {
    Deno.test(`Connection, as a ${role}, answers ${name}, in whatever pieces it arrives`, () => {
      const bytes = Uint8Array.from(frames.flatMap((each) => encodeWireFrame(each, peer)));
      const expected = answer.map(([opcode, payload]) => ({
        opcode,
        payload: payloadBytes(payload),
      }));
      for (const [index, pieces] of [...cuts(bytes)].entries()) {
        const echo = new Echo(role, index % 2 === 0);
        echo.transport.receive(pieces);
        echo.transport.listener.onEnd();
        // The table has only the codes of close frames, not the reasons.
        const shown = echo.frames.map(({ opcode, payload }) => ({
          opcode,
          payload: opcode === 8 ? payload.slice(0, 2) : payload,
        }));
        assertEquals(shown, expected);
        const last = expected.at(-1)!.payload;
        assertEquals(echo.status?.code, last.length === 0 ? 1005 : last[0]! << 8 | last[1]!);
        assertEquals(echo.transport.ending, "destroy");
        assertEquals(echo.events, ["closing", "closed"]);
      }
    });
  }

  Deno.test(`Connection, as a ${role}, sends code and reason, and waits for the answer`, () => {
    const echo = new Echo(role);
    echo.connection.close({ code: 4008, reason: "too slow" });
    echo.connection.close({ code: 1001, reason: "the first call counts" });
    echo.transport.settle();
    assertEquals([echo.events, echo.transport.ending], [["closing"], undefined]);
    echo.transport.receive([Uint8Array.from(encodeWireFrame(frame(8, [0x0f, 0xa8]), peer))]);
    // The server ends the TCP connection, and the client waits for that (section 7.1.1).
    assertEquals(echo.transport.ending, role === "server" ? "destroy" : "end");
    echo.transport.listener.onEnd();
    assertEquals(echo.status, { code: 4008, reason: "too slow" });
    const [close, ...rest] = echo.frames;
    assertEquals(rest, []);
    assertEquals([...close!.payload], [0x0f, 0xa8, ...payloadBytes("too slow")]);
  });

  Deno.test(`Connection, as a ${role}, ends with 1006 when the stream ends`, () => {
    const echo = new Echo(role);
    echo.transport.listener.onEnd();
    assertEquals([echo.status?.code, echo.frames, echo.transport.ending], [1006, [], "destroy"]);
    echo.transport.listener.onGone(undefined);
    assertEquals(echo.events, ["closing", "closed"]);
  });
}

Deno.test("Connection reports the error when the stream breaks", () => {
  const echo = new Echo("server");
  echo.transport.listener.onGone(new Error("read ECONNRESET"));
  assertEquals(echo.status, { code: 1006, reason: "read ECONNRESET" });
});

Deno.test("Connection ends only its own direction after a fault, until the peer ends too", () => {
  const echo = new Echo("server");
  echo.transport.receive([Uint8Array.from(encodeWireFrame(frame(3), "client"))]);
  assertEquals([echo.transport.ending, echo.events], ["end", ["closing"]]);
  echo.transport.receive([new Uint8Array(10_000)]);
  assertEquals([echo.transport.ending, echo.status], ["end", undefined]);
  echo.transport.listener.onEnd();
  assertEquals([echo.transport.ending, echo.status?.code], ["destroy", 1002]);
});

Deno.test("Connection still writes its close frame if the stream ends while it is closing", () => {
  const echo = new Echo("server");
  echo.connection.sender.sendFrames(encodeFrame(1, payloadBytes("first")));
  echo.connection.close({ code: 1001, reason: "" });
  echo.transport.listener.onEnd();
  assertEquals(echo.events, ["closing"]);
  echo.transport.settle();
  assertEquals(echo.frames.map(({ opcode }) => opcode), [1, 8]);
  assertEquals([echo.transport.ending, echo.events], ["destroy", ["closing", "closed"]]);
});

Deno.test("Connection.close() cuts a reason that is too long between two characters", () => {
  const echo = new Echo("server");
  echo.connection.close({ code: 1008, reason: "ü".repeat(100) });
  echo.transport.settle();
  const [close] = echo.frames;
  assertEquals(
    new TextDecoder("utf-8", { fatal: true }).decode(close!.payload.subarray(2)),
    "ü".repeat(61),
  );
});

const fail = () => {
  throw new Error("This must not be called");
};

Deno.test("Sender.deliver() does not mix with the frames of sendFrames()", () => {
  const echo = new Echo("server");
  let deliveredCount = 0;
  const data = Uint8Array.of(
    ...encodeFrame(1, payloadBytes("1")),
    ...encodeFrame(1, payloadBytes("2")),
  );
  assertEquals(
    echo.connection.sender.deliver(data, { onDelivered: () => deliveredCount++ }),
    false,
  );
  echo.connection.sender.sendFrames(encodeFrame(1, payloadBytes("other")));
  assertEquals(deliveredCount, 0);
  echo.transport.settle();
  assertEquals(deliveredCount, 1);
  echo.transport.isSlow = false;
  assertEquals(
    echo.connection.sender.deliver(encodeFrame(1, payloadBytes("3")), { onDelivered: fail }),
    true,
  );
  const texts = echo.frames.map(({ payload }) => new TextDecoder().decode(payload));
  assertEquals(texts, ["1", "2", "other", "3"]);
});

for (const isSlow of [false, true]) {
  const speed = isSlow ? "slow" : "fast";
  Deno.test(`Sender.deliver() writes large frames in parts to a ${speed} transport`, () => {
    const echo = new Echo("server", isSlow);
    const text = "0123456789".repeat(20_000);
    const isDelivered = echo.connection.sender.deliver(encodeFrame(1, payloadBytes(text)), {
      onDelivered: () => {},
    });
    assertEquals(isDelivered, !isSlow);
    if (isSlow) assertEquals(echo.transport.written.length, 65_536);
    echo.connection.sender.sendFrames(encodeFrame(1, payloadBytes("other")));
    echo.transport.settle();
    const texts = echo.frames.map(({ payload }) => new TextDecoder().decode(payload));
    // The peer has not yet answered the ping that marks the end of the first frame.
    assertEquals(texts, [text, "1", "other"]);
  });
}

Deno.test("Connection.destroy() resets the stream and ends the delivery under way", () => {
  const echo = new Echo("server");
  let deliveredCount = 0;
  echo.connection.sender.deliver(encodeFrame(1, payloadBytes("x")), {
    onDelivered: () => deliveredCount++,
  });
  echo.connection.destroy({ code: 1006, reason: "stalled reader" });
  echo.connection.destroy({ code: 1006, reason: "the first call counts" });
  assertEquals([deliveredCount, echo.transport.ending], [1, "reset"]);
  assertEquals(echo.status, { code: 1006, reason: "stalled reader" });
  assertEquals(echo.events, ["closing", "closed"]);
  assertEquals(
    echo.connection.sender.deliver(encodeFrame(1, payloadBytes("y")), { onDelivered: fail }),
    true,
  );
  echo.transport.settle();
});

Deno.test("Connection does not read on after a message while its listener has a backlog", async () => {
  const echo = new Echo("server");
  const hold = Promise.withResolvers<void>();
  echo.backlog = hold.promise;
  // A pong shows that the peer reads, and needs no holding back.
  echo.transport.receive([Uint8Array.from(encodeWireFrame(frame(10, "1"), "client"))]);
  assertEquals([echo.transport.isPaused, echo.connection.isHeldBack], [false, false]);
  echo.transport.receive([Uint8Array.from(encodeWireFrame(frame(1, "x"), "client"))]);
  assertEquals([echo.transport.isPaused, echo.connection.isHeldBack], [true, true]);
  echo.backlog = undefined;
  hold.resolve();
  await hold.promise;
  assertEquals([echo.transport.isPaused, echo.connection.isHeldBack], [false, false]);
});

Deno.test("Connection does not read while too many of its answers wait to be written", async () => {
  const echo = new Echo("server");
  const { transport, connection } = echo;
  const answer = encodeFrame(1, new Uint8Array(64 * 1024));
  const pong = Uint8Array.from(encodeWireFrame(frame(10, ""), "client"));
  // The first is being written, and four wait.
  const states: boolean[] = [];
  for (let count = 0; count < 6; count++) {
    connection.sender.sendFrames(answer);
    connection.onData(pong.slice());
    states.push(transport.isPaused);
  }
  assertEquals(states, [false, false, false, false, true, true]);
  transport.settle();
  await Promise.resolve();
  assertEquals([transport.isPaused, connection.isHeldBack], [false, false]);
});

Deno.test("Connection.send() does nothing after close()", () => {
  const echo = new Echo("server", false);
  echo.connection.send(1, payloadBytes("before"));
  echo.connection.close({ code: 1000, reason: "" });
  echo.connection.send(1, payloadBytes("after"));
  assertEquals(echo.frames.map(({ opcode }) => opcode), [1, 8]);
});

Deno.test("Connection closes with 1011 when its listener throws, and does not send why", () => {
  const echo = new Echo("server", false);
  echo.onMessage = () => {
    throw new Error("a secret");
  };
  echo.transport.receive([Uint8Array.from(encodeWireFrame(frame(1, "x"), "client"))]);
  echo.transport.listener.onEnd();
  const [close] = echo.frames;
  assertEquals([...close!.payload], [0x03, 0xf3, ...payloadBytes("internal error")]);
  assertEquals(echo.status, { code: 1011, reason: "a secret" });
});

Deno.test("Connection answers the first 16 pings of a read, and the last", () => {
  const echo = new Echo("server", false);
  const pings = Array.from({ length: 100 }, (_, index) => frame(9, `${index}`));
  echo.connection.onData(
    Uint8Array.from(pings.flatMap((ping) => [...encodeWireFrame(ping, "client")])),
  );
  const answered = echo.frames.map(({ payload }) => new TextDecoder().decode(payload));
  const first = Array.from({ length: 16 }, (_, index) => `${index}`);
  assertEquals(answered, [...first, "99"]);
  const next = [frame(9, "next"), frame(9, "and next")];
  echo.connection.onData(
    Uint8Array.from(next.flatMap((ping) => [...encodeWireFrame(ping, "client")])),
  );
  assertEquals(echo.frames.length, 19);
});
