import { assertEquals } from "@std/assert";
import {
  Connection,
  type ConnectionListener,
  type Transport,
} from "../../lib/websocket/connection.ts";
import { encodeFrame } from "../../lib/websocket/frame.ts";
import type { Role } from "../../lib/websocket/frame_parser.ts";
import { ReadBuffers } from "../../lib/websocket/read_buffers.ts";
import {
  CONFORMANCE_CASES,
  decodeWireFrames,
  encodeWireFrame,
  frame,
  MAX_MESSAGE_BYTES,
  payloadBytes,
} from "./conformance_cases.ts";

/** A transport whose reads are these pieces, one each, and then the end; it keeps what is written. */
class ScriptedTransport implements Transport {
  readonly written: number[] = [];
  readonly #pieces: Uint8Array[];
  isClosed = false;

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces.filter(({ length }) => length > 0);
  }

  async read(bytes: Uint8Array): Promise<number | null> {
    await Promise.resolve();
    const piece = this.#pieces[0];
    if (!piece) return null;
    const length = Math.min(piece.length, bytes.length);
    bytes.set(piece.subarray(0, length));
    if (length === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(length);
    return length;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await Promise.resolve();
    // As a socket may, it takes less than it is given.
    const length = Math.min(bytes.length, 1 + Math.floor(bytes.length / 2));
    for (const byte of bytes.subarray(0, length)) this.written.push(byte);
    return length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A connection that echoes, over a transport. `received` comes in behind the handshake. */
function echoConnection(
  role: Role,
  transport: Transport,
  received: Uint8Array = new Uint8Array(0),
): Connection {
  const listener: ConnectionListener = {
    onMessage: (opcode, bytes, start, end) => {
      const key = role === "client" ? 0x01020304 : undefined;
      connection.sendPrivate(encodeFrame(opcode, bytes.subarray(start, end), key));
    },
    onClosing: () => {},
    holdReading: () => undefined,
  };
  const connection = new Connection(transport, {
    role,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    received,
    buffers: new ReadBuffers(),
    clock: { nowMs: 0 },
  }, listener);
  return connection;
}

/** Every way to cut these bytes that is worth a try: whole, in two at every place, and into single bytes. */
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
    Deno.test(`Connection, as a ${role}, answers ${name}, however it is cut`, async () => {
      const bytes = Uint8Array.from(frames.flatMap((each) => encodeWireFrame(each, peer)));
      const expected = answer.map(([opcode, payload]) => ({
        opcode,
        payload: payloadBytes(payload),
      }));
      for (const pieces of cuts(bytes)) {
        for (const isGlued of [false, true]) {
          const received = isGlued ? pieces[0]! : new Uint8Array(0);
          const transport = new ScriptedTransport(isGlued ? pieces.slice(1) : pieces);
          const { code } = await echoConnection(role, transport, received).serve();
          const got = decodeWireFrames(Uint8Array.from(transport.written), role);
          // Only the code of our own close frame is in the table, not its reason.
          const shown = got.map(({ opcode, payload }) => ({
            opcode,
            payload: opcode === 8 ? payload.slice(0, 2) : payload,
          }));
          assertEquals(shown, expected);
          const last = expected.at(-1)!.payload;
          assertEquals(code, last.length === 0 ? 1005 : last[0]! << 8 | last[1]!);
          assertEquals(transport.isClosed, true);
        }
      }
    });
  }

  Deno.test(`Connection, as a ${role}, closes with its code and reason, and waits for the answer`, async () => {
    const answer = encodeWireFrame(frame(8, [0x0f, 0xa8]), peer);
    const transport = new ScriptedTransport([Uint8Array.from(answer)]);
    const connection = echoConnection(role, transport);
    connection.close(4008, "too slow");
    connection.close(1001, "the first word stands");
    assertEquals(await connection.serve(), { code: 4008, reason: "too slow" });
    const [close, ...rest] = decodeWireFrames(Uint8Array.from(transport.written), role);
    assertEquals(rest, []);
    assertEquals([...close!.payload], [0x0f, 0xa8, ...payloadBytes("too slow")]);
  });

  Deno.test(`Connection, as a ${role}, ends with 1006 when the stream does`, async () => {
    const transport = new ScriptedTransport([]);
    assertEquals((await echoConnection(role, transport).serve()).code, 1006);
    assertEquals([transport.written, transport.isClosed], [[], true]);
  });
}

Deno.test("Connection cuts a reason that is too long between characters", async () => {
  const transport = new ScriptedTransport([]);
  const connection = echoConnection("server", transport);
  connection.close(1008, "ü".repeat(100));
  await connection.serve();
  const [close] = decodeWireFrames(Uint8Array.from(transport.written), "server");
  assertEquals(
    new TextDecoder("utf-8", { fatal: true }).decode(close!.payload.subarray(2)),
    "ü".repeat(61),
  );
});

Deno.test("Connection.deliver() puts frames between private ones, whole", async () => {
  const transport = new ScriptedTransport([]);
  const connection = echoConnection("server", transport);
  const data = Uint8Array.of(
    ...encodeFrame(1, payloadBytes("1")),
    ...encodeFrame(1, payloadBytes("2")),
  );
  const delivered = connection.deliver(data);
  connection.sendPrivate(encodeFrame(1, payloadBytes("private")));
  await delivered;
  await connection.deliver(encodeFrame(1, payloadBytes("3")));
  const texts = decodeWireFrames(Uint8Array.from(transport.written), "server")
    .map(({ payload }) => new TextDecoder().decode(payload));
  assertEquals(texts, ["1", "2", "private", "3"]);
});

Deno.test("Connection.deliver() resolves when the connection is destroyed", async () => {
  const never = new Promise<never>(() => {});
  const transport: Transport = {
    read: () => never,
    write: () => never,
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  const connection = echoConnection("server", transport);
  const delivered = connection.deliver(encodeFrame(1, payloadBytes("x")));
  connection.destroy();
  await delivered;
  await connection.deliver(encodeFrame(1, payloadBytes("y")));
});
