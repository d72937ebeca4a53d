import { assertEquals } from "@std/assert";
import { connect } from "node:net";
import { ClientHandshake } from "../../lib/websocket/client_handshake.ts";
import { Connection, type ConnectionListener } from "../../lib/websocket/connection.ts";
import { handshakeResponse } from "../../lib/websocket/handshake.ts";
import { HeadReader, parseHead } from "../../lib/websocket/http_head.ts";
import {
  checkDirectWrite,
  SLOW_WRITES_NOTICE,
  SocketTransport,
} from "../../lib/websocket/transport/socket_transport.ts";
import { SOCKETS_NOTICE } from "../../lib/websocket/transport/tcp_transport.ts";
import {
  CONFORMANCE_CASES,
  type ConformanceCase,
  decodeWireFrames,
  encodeWireFrame,
  MAX_MESSAGE_BYTES,
  payloadBytes,
} from "../websocket/conformance_cases.ts";
import { hideTcpHandles } from "../websocket/transport/hidden_handles.ts";
import { delayWriteCallbacks } from "../websocket/transport/late_writes.ts";
import { readHead } from "./handshake.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

const TEXT = 1, CLOSE = 8;

const HANDSHAKE = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n");

/** Decodes frames for comparison with the table, which has only the codes of close frames. */
function shown(bytes: Uint8Array, sender: "client" | "server") {
  return decodeWireFrames(bytes, sender).map(({ opcode, payload }) => ({
    opcode,
    payload: opcode === CLOSE ? payload.slice(0, 2) : payload,
  }));
}

function expected({ answer }: ConformanceCase) {
  return answer.map(([opcode, payload]) => ({ opcode, payload: payloadBytes(payload) }));
}

Deno.test("the server conforms to RFC 6455 over TCP", (test) => checkServer(test));

Deno.test("the server conforms to RFC 6455 without TCP handles", async (test) => {
  using _hidden = hideTcpHandles();
  await checkServer(test, SOCKETS_NOTICE);
});

Deno.test("the server conforms to RFC 6455 without Socket._write()", async (test) => {
  using _hidden = hideTcpHandles();
  using _late = delayWriteCallbacks();
  await checkServer(test, SLOW_WRITES_NOTICE, SOCKETS_NOTICE);
});

async function checkServer(test: Deno.TestContext, ...warnings: string[]): Promise<void> {
  await using server = await startTestApp({ binary: true, maxMessageBytes: MAX_MESSAGE_BYTES });
  for (const warning of warnings) await server.logged(warning);
  // The server sends a message only to others, so a witness receives it.
  await using witness = await Peer.open(server.url);
  await server.logged("{id} connected");
  for (const each of CONFORMANCE_CASES) {
    const frames = each.frames.flatMap((frame) => encodeWireFrame(frame, "client"));
    const toSender = expected(each).filter(({ opcode }) => opcode >= CLOSE);
    const toOthers = expected(each).filter(({ opcode }) => opcode < CLOSE);
    const check = async (peer: RawPeer) => {
      assertEquals(shown(await peer.readBytesToEnd(), "server"), toSender);
      assertEquals(peer.wasReset, false);
      // After a close without a fault, the server has already closed the connection.
      await peer.closeWrite().catch(() => {});
      for (const { opcode, payload } of toOthers) {
        const got = await witness.next();
        assertEquals(typeof got === "string", opcode === TEXT);
        assertEquals(typeof got === "string" ? payloadBytes(got) : new Uint8Array(got), payload);
      }
      await server.logged("{id} disconnected");
    };
    await test.step(`it answers ${each.name}`, async () => {
      using peer = await RawPeer.upgrade(server.port);
      await peer.send(frames);
      await check(peer);
    });
    await test.step(`it answers ${each.name}, sent together with the handshake`, async () => {
      using peer = await RawPeer.connect(server.port);
      await peer.send([...new TextEncoder().encode(HANDSHAKE), ...frames]);
      await peer.readHead();
      await check(peer);
    });
  }
  assertEquals([server.app.chat.size, server.app.wires.size], [1, 1]);
}

Deno.test("the client conforms to RFC 6455 over TCP", async (test) => {
  // The test before this one has changed the result.
  assertEquals(await checkDirectWrite(), true);
  await checkClient(test);
});

Deno.test("the client conforms to RFC 6455 without Socket._write()", async (test) => {
  using _late = delayWriteCallbacks();
  assertEquals(await checkDirectWrite(), false);
  await checkClient(test);
});

async function checkClient(test: Deno.TestContext): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  for (const each of CONFORMANCE_CASES) {
    await test.step(`it answers ${each.name}`, async () => {
      const accepted = listener.accept();
      const client = echoClient(port);
      using conn = await accepted;
      const { head } = await readHead(conn);
      const key = parseHead(head)!.headers.get("sec-websocket-key")!;
      const frames = each.frames.flatMap((frame) => encodeWireFrame(frame, "server"));
      await writeAll(conn, Uint8Array.of(...handshakeResponse(key), ...frames));
      const peer = RawPeer.over(conn);
      assertEquals(shown(await peer.readBytesToEnd(), "client"), expected(each));
      await conn.closeWrite();
      await client;
    });
  }
}

/** Connects as a client that echoes every message. Resolves when the connection has ended. */
function echoClient(port: number): Promise<void> {
  const handshake = new ClientHandshake(new URL(`ws://127.0.0.1:${port}/`));
  const reader = new HeadReader(1024);
  const closed = Promise.withResolvers<void>();
  const listener: ConnectionListener = {
    onMessage: (opcode, bytes, start, end) => connection.send(opcode, bytes.subarray(start, end)),
    onClosing: () => {},
    onClosed: () => closed.resolve(),
    backlog: undefined,
  };
  let connection: Connection;
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
  const transport = new SocketTransport(socket, {
    onData: (bytes) => {
      const parts = reader.push(bytes);
      if (!parts) return;
      handshake.complete(parts.head);
      const options = {
        role: "client",
        maxMessageBytes: MAX_MESSAGE_BYTES,
        clock: { nowMs: 0 },
      } as const;
      connection = new Connection(transport, options, listener);
      connection.onData(parts.rest);
    },
    onWritten: () => {},
    onEnd: () => {},
    onGone: () => {},
  });
  socket.on("connect", () => transport.write(handshake.request));
  return closed.promise;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}
