import { assert, assertEquals } from "@std/assert";
import { encodeFrame, type Role } from "../../lib/websocket/frame.ts";
import { Sender } from "../../lib/websocket/sender.ts";
import { IGNORE_EVENTS } from "../../lib/websocket/transport/transport.ts";
import { decodeWireFrames } from "./conformance_cases.ts";
import { FakeTransport } from "./transport/fake_transport.ts";

function setUp({ role = "server", isSlow = true }: { role?: Role; isSlow?: boolean } = {}) {
  const transport = new FakeTransport(isSlow);
  const clock = { nowMs: 0 };
  const calls: string[] = [];
  const sender = new Sender(transport, { role, clock }, {
    onCloseSent: () => calls.push("closed"),
  });
  transport.listener = { ...IGNORE_EVENTS, onWritten: () => sender.onWritten() };
  /** The payloads of the frames that were written, as text. */
  const texts = () =>
    decodeWireFrames(Uint8Array.from(transport.written), role)
      .map(({ payload }) => new TextDecoder().decode(payload));
  return { sender, transport, clock, calls, texts };
}

const frame = (text: string) => encodeFrame(1, new TextEncoder().encode(text));

Deno.test("Sender.sendFrames() sends after the delivery under way and before the next one", () => {
  const { sender, transport, texts } = setUp();
  const onDelivered = () => {
    sender.deliver(frame("delivery 2"), { onDelivered: () => {} });
    sender.sendFrames(frame("ack 3"));
  };
  sender.deliver(frame("delivery 1"), { onDelivered });
  sender.sendFrames(frame("ack 1"));
  sender.sendFrames(frame("ack 2"));
  transport.settle();
  assertEquals(texts(), ["delivery 1", "ack 1", "ack 2", "delivery 2", "ack 3"]);
});

Deno.test("Sender.deliver() waits for frames that were sent before", () => {
  const { sender, transport, calls, texts } = setUp();
  sender.sendFrames(frame("1"));
  sender.sendFrames(frame("2"));
  assertEquals(sender.deliver(frame("3"), { onDelivered: () => calls.push("delivered") }), false);
  sender.sendFrames(frame("4"));
  transport.settleOne();
  transport.settleOne();
  assertEquals(calls, []);
  transport.settleOne();
  assertEquals(calls, ["delivered"]);
  transport.settle();
  assertEquals(texts(), ["1", "2", "3", "4"]);
});

Deno.test("Sender.pong() answers only the last of several pings, after what waits", () => {
  const { sender, transport, texts } = setUp();
  sender.sendFrames(frame("1"));
  sender.pong(new TextEncoder().encode("old"));
  sender.pong(new TextEncoder().encode("new"));
  sender.sendFrames(frame("2"));
  transport.settle();
  assertEquals(texts(), ["1", "2", "new"]);
});

Deno.test("Sender.close() sends what waits, up to a delivery: an ack behind it would be wrong", async () => {
  const { sender, transport, calls, texts } = setUp();
  sender.sendFrames(frame("1"));
  sender.sendFrames(frame("2"));
  sender.deliver(frame("3"), { onDelivered: () => calls.push("delivered") });
  for (let count = 0; count < 5; count++) sender.sendFrames(frame("x".repeat(65_536)));
  const { backlog } = sender;
  assert(backlog);
  sender.close({ code: 1005, reason: "" });
  transport.settle();
  assertEquals([texts(), calls], [["1", "2", ""], ["closed"]]);
  // A connection that is held back must read the answer to its close frame.
  await backlog;
  sender.end();
  assertEquals(calls, ["closed", "delivered"]);
});

Deno.test("Sender.close() lets the delivery under way finish", () => {
  const { sender, transport, calls, texts } = setUp();
  sender.deliver(frame("1"), { onDelivered: () => calls.push("delivered") });
  sender.close({ code: 1005, reason: "" });
  transport.settle();
  assertEquals([texts(), calls], [["1", ""], ["delivered", "closed"]]);
});

Deno.test("Sender.send() masks a client's messages, each with a fresh key", () => {
  const { sender, transport, texts } = setUp({ role: "client", isSlow: false });
  sender.send(1, new TextEncoder().encode("same"));
  sender.send(1, new TextEncoder().encode("same"));
  assertEquals(texts(), ["same", "same"]);
  const keyOf = (at: number) => transport.written.slice(at + 2, at + 6);
  assert(String(keyOf(0)) !== String(keyOf(10)));
});

Deno.test("Sender.send() does not mask a server's messages", () => {
  const { sender, transport } = setUp({ isSlow: false });
  sender.send(2, Uint8Array.of(1, 2));
  assertEquals(transport.written, [0x82, 2, 1, 2]);
});

Deno.test("Sender.bufferedBytes counts what is not given to the transport", () => {
  const { sender, transport } = setUp();
  assertEquals(sender.bufferedBytes, 0);
  sender.sendFrames(frame("x".repeat(99_990)));
  assertEquals(sender.bufferedBytes, 100_000 - 65_536);
  sender.sendFrames(frame("x".repeat(8)));
  sender.deliver(frame("xxx"), { onDelivered: () => {} });
  assertEquals(sender.bufferedBytes, 100_000 - 65_536 + 15);
  transport.settleOne();
  assertEquals(sender.bufferedBytes, 15);
  transport.settle();
  assertEquals(sender.bufferedBytes, 0);
});

Deno.test("Sender.writingSinceMs is the time of the last progress of a write", () => {
  const { sender, transport, clock } = setUp();
  assertEquals(sender.writingSinceMs, undefined);
  sender.deliver(frame("x".repeat(100_000)), { onDelivered: () => {} });
  clock.nowMs = 7;
  assertEquals(sender.writingSinceMs, 0);
  transport.settleOne();
  assertEquals(sender.writingSinceMs, 7);
  transport.settleOne();
  assertEquals(sender.writingSinceMs, undefined);
});

Deno.test("Sender.backlog resolves when few bytes wait", async () => {
  const { sender, transport } = setUp();
  const large = frame("x".repeat(65_536));
  // The first is being written, and three wait.
  for (let count = 0; count < 4; count++) sender.sendFrames(large);
  assertEquals(sender.backlog, undefined);
  sender.sendFrames(large);
  const { backlog } = sender;
  assert(backlog);
  transport.settle();
  await backlog;
  assertEquals(sender.backlog, undefined);
});

const PING = 9;

/** What was written: the opcode and length of each frame. */
function framesOf(transport: FakeTransport): readonly string[] {
  return decodeWireFrames(Uint8Array.from(transport.written), "server").map(
    ({ opcode, payload }) =>
      opcode === PING ? `ping ${new TextDecoder().decode(payload)}` : String(payload.length),
  );
}

function join(frames: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(frames.flatMap((each) => [...each]));
}

const FOUR_KIB = frame("x".repeat(4092));

Deno.test("Sender marks each 16 to 32 KiB with a ping while the peer leaves one unanswered", () => {
  const { sender, transport } = setUp({ isSlow: false });
  for (let count = 0; count < 5; count++) sender.deliver(FOUR_KIB, { onDelivered: () => {} });
  // One delivery of many frames is marked between them, also if a frame is longer.
  sender.deliver(join([...Array(8).fill(FOUR_KIB), frame("y".repeat(70_000)), FOUR_KIB]), {
    onDelivered: () => {},
  });
  const four = ["4092", "4092", "4092", "4092"];
  assertEquals(framesOf(transport), [
    ...[...four, "ping 1", "4092"],
    ...[...four, "ping 2", ...four, "ping 3"],
    ...["70000", "ping 4", "4092"],
  ]);
});

Deno.test("Sender marks the stream of a peer that answers at most once every 30 s", () => {
  const { sender, transport, clock } = setUp({ isSlow: false });
  const twenty = join(Array(5).fill(FOUR_KIB));
  for (const nowMs of [0, 0, 29_999, 29_999, 30_000, 30_000, 59_999]) {
    clock.nowMs = nowMs;
    sender.deliver(twenty, { onDelivered: () => {} });
    for (const mark of ["1", "2", "3", "4"]) sender.onPong(new TextEncoder().encode(mark));
  }
  const pings = framesOf(transport).filter((each) => each.startsWith("ping"));
  // The first delivery after 30 s gets two: one for the deliveries before it.
  assertEquals(pings, ["ping 1", "ping 2", "ping 3"]);
});

Deno.test("Sender.onPong() counts the answer to a mark as progress of the write, and no other pong", () => {
  const { sender, transport, clock } = setUp({ isSlow: false });
  sender.deliver(join(Array(5).fill(FOUR_KIB)), { onDelivered: () => {} });
  sender.deliver(FOUR_KIB, { onDelivered: () => {} });
  transport.isSlow = true;
  sender.deliver(FOUR_KIB, { onDelivered: () => {} });
  clock.nowMs = 7;
  for (const text of ["", "0", "2", "-1", "x", "1e99", "NaN"]) {
    sender.onPong(new TextEncoder().encode(text));
    assertEquals(sender.writingSinceMs, 0);
  }
  sender.onPong(Uint8Array.of(0xff, 0x31));
  assertEquals(sender.writingSinceMs, 0);
  sender.onPong(new TextEncoder().encode("1"));
  assertEquals(sender.writingSinceMs, 7);
  clock.nowMs = 9;
  sender.onPong(new TextEncoder().encode("1"));
  assertEquals(sender.writingSinceMs, 7);
  transport.settle();
  sender.onPong(new TextEncoder().encode("1"));
  assertEquals(sender.writingSinceMs, undefined);
});

Deno.test("Sender sends no mark before a close frame, and none as a client", () => {
  const server = setUp({ isSlow: false });
  server.sender.deliver(frame("y".repeat(20_000)), { onDelivered: () => {} });
  server.sender.close({ code: 1005, reason: "" });
  assertEquals(framesOf(server.transport), ["20000", "0"]);
  const client = setUp({ role: "client", isSlow: false });
  for (let count = 0; count < 9; count++) client.sender.send(1, new Uint8Array(9000));
  assertEquals(client.texts().length, 9);
});
