import { assert, assertEquals } from "@std/assert";
import { encodeFrame, type Role } from "../../lib/websocket/frame.ts";
import { Sender } from "../../lib/websocket/sender.ts";
import { decodeWireFrames } from "./conformance_cases.ts";
import { FakeTransport } from "./fake_transport.ts";

function setUp({ role = "server", isSlow = true }: { role?: Role; isSlow?: boolean } = {}) {
  const transport = new FakeTransport(isSlow);
  const clock = { nowMs: 0 };
  const calls: string[] = [];
  const sender = new Sender(transport, { role, clock }, {
    onCloseSent: () => calls.push("closed"),
  });
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
    sender.deliver(frame("delivery 2"), () => {});
    sender.sendFrames(frame("ack 3"));
  };
  sender.deliver(frame("delivery 1"), onDelivered);
  sender.sendFrames(frame("ack 1"));
  sender.sendFrames(frame("ack 2"));
  transport.settle();
  assertEquals(texts(), ["delivery 1", "ack 1", "ack 2", "delivery 2", "ack 3"]);
});

Deno.test("Sender.deliver() waits for frames that were sent before", () => {
  const { sender, transport, calls, texts } = setUp();
  sender.sendFrames(frame("1"));
  sender.sendFrames(frame("2"));
  assertEquals(sender.deliver(frame("3"), () => calls.push("delivered")), false);
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

Deno.test("Sender.close() sends everything that waits but a delivery", () => {
  const { sender, transport, calls, texts } = setUp();
  sender.sendFrames(frame("1"));
  sender.deliver(frame("2"), () => calls.push("delivered"));
  sender.sendFrames(frame("3"));
  sender.close({ code: 1005, reason: "" });
  transport.settle();
  assertEquals([texts(), calls], [["1", "3", ""], ["closed"]]);
  sender.end();
  assertEquals(calls, ["closed", "delivered"]);
});

Deno.test("Sender.close() lets the delivery under way finish", () => {
  const { sender, transport, calls, texts } = setUp();
  sender.deliver(frame("1"), () => calls.push("delivered"));
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
  sender.sendFrames(new Uint8Array(100_000));
  assertEquals(sender.bufferedBytes, 100_000 - 65_536);
  sender.sendFrames(new Uint8Array(10));
  sender.deliver(new Uint8Array(5), () => {});
  assertEquals(sender.bufferedBytes, 100_000 - 65_536 + 15);
  transport.settleOne();
  assertEquals(sender.bufferedBytes, 15);
  transport.settle();
  assertEquals(sender.bufferedBytes, 0);
});

Deno.test("Sender.writingSinceMs is the time of the last progress of a write", () => {
  const { sender, transport, clock } = setUp();
  assertEquals(sender.writingSinceMs, undefined);
  sender.deliver(new Uint8Array(100_000), () => {});
  clock.nowMs = 7;
  assertEquals(sender.writingSinceMs, 0);
  transport.settleOne();
  assertEquals(sender.writingSinceMs, 7);
  transport.settleOne();
  assertEquals(sender.writingSinceMs, undefined);
});

Deno.test("Sender.backlog resolves when few bytes wait", async () => {
  const { sender, transport } = setUp();
  // The first is being written, and four wait.
  for (let count = 0; count < 4; count++) sender.sendFrames(new Uint8Array(65_537));
  assertEquals(sender.backlog, undefined);
  sender.sendFrames(new Uint8Array(65_537));
  const { backlog } = sender;
  assert(backlog);
  transport.settle();
  await backlog;
  assertEquals(sender.backlog, undefined);
});
