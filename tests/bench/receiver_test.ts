import { assertEquals } from "@std/assert";
import { encodeFrame } from "../../lib/websocket/frame.ts";
import { MARKER_BYTES, senderOf, seqOf, timeUsOf, writeMarker } from "./marker.ts";
import { Receiver, type ReceiverOptions, Tally } from "./receiver.ts";

const HEAD = new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n");

function message(sender: number, seq: number, plannedUs = 0, size = 24): Uint8Array {
  const payload = new Uint8Array(size).fill(0x78);
  writeMarker(payload, 0, sender, seq, plannedUs);
  return encodeFrame(1, payload);
}

/** Makes a receiver, its tally, and a function that feeds it bytes. */
function receiver(options: ReceiverOptions = { senders: 10 }) {
  const tally = new Tally();
  const one = new Receiver(tally, options);
  const receive = (bytes: Uint8Array, nowUs = 0) => {
    one.target().set(bytes);
    return one.received(bytes.length, nowUs);
  };
  receive(HEAD);
  return { tally, one, receive };
}

Deno.test("the marker functions read what writeMarker() wrote", () => {
  for (
    const values of [[0, 0, 0], [1, 2, 3], [4095, 2 ** 24 - 1, 2 ** 42 - 1], [500, 70_000, 6e9]]
  ) {
    const [sender, seq, timeUs] = values as [number, number, number];
    const bytes = new Uint8Array(1 + MARKER_BYTES);
    writeMarker(bytes, 1, sender, seq, timeUs);
    const view = new DataView(bytes.buffer);
    assertEquals([senderOf(view, 1), seqOf(view, 1), timeUsOf(view, 1)], values);
    assertEquals(bytes.subarray(1).every((byte) => byte > 0x20 && byte < 0x7f), true);
  }
});

Deno.test("Receiver counts messages regardless of how they are split", () => {
  const bytes = [0, 1, 2, 3].flatMap((index) => [...message(index % 2, index >> 1, 0, 200)]);
  for (let at = 0; at <= bytes.length; at += 7) {
    const { tally, one, receive } = receiver();
    receive(Uint8Array.from(bytes.slice(0, at)));
    receive(Uint8Array.from(bytes.slice(at)));
    assertEquals([one.deliveries, tally.lost, tally.outOfOrder, tally.foreign], [4, 0, 0, 0]);
  }
});

Deno.test("Receiver counts lost, repeated, reordered, and foreign messages", () => {
  const cases: [seqs: number[], lost: number, outOfOrder: number][] = [
    [[0, 1, 2], 0, 0],
    [[0, 2, 3], 1, 0],
    [[0, 1, 1], 0, 1],
    [[0, 2, 1], 1, 1],
  ];
  for (const [seqs, lost, outOfOrder] of cases) {
    const { tally, receive } = receiver();
    for (const seq of seqs) receive(message(3, seq));
    assertEquals([tally.deliveries, tally.lost, tally.outOfOrder], [3, lost, outOfOrder]);
  }
  const { tally, receive } = receiver();
  receive(encodeFrame(1, new TextEncoder().encode("hello, who is there?")));
  assertEquals([tally.deliveries, tally.foreign], [1, 1]);
});

Deno.test("Receiver counts messages from other rooms and of clients that do not send as foreign", () => {
  const { tally, receive } = receiver({ senders: 10, rooms: 3, room: 1 });
  for (const sender of [1, 4, 7]) receive(message(sender, 0));
  for (const sender of [1, 4, 7]) receive(message(sender, 1));
  assertEquals([tally.lost, tally.outOfOrder, tally.foreign], [0, 0, 0]);
  for (const [index, sender] of [0, 2, 3, 9, 10, 13].entries()) {
    receive(message(sender, 0));
    assertEquals(tally.foreign, index + 1, `sender ${sender}`);
  }
  assertEquals([tally.deliveries, tally.lost, tally.outOfOrder], [12, 0, 0]);
});

Deno.test("Receiver checks each sender of its room separately", () => {
  const { tally, receive } = receiver({ senders: 10, rooms: 3, room: 0 });
  for (const [sender, seq] of [[0, 0], [9, 0], [0, 1], [9, 2], [0, 1]] as const) {
    receive(message(sender, seq));
  }
  assertEquals([tally.lost, tally.outOfOrder, tally.foreign], [1, 1, 0]);
});

Deno.test("Receiver measures from the planned time, and ignores the warm-up", () => {
  const { tally, receive } = receiver();
  tally.measureFromUs = 1000;
  receive(message(0, 0, 900), 1500);
  assertEquals(tally.latencyMs(1), undefined);
  receive(message(0, 1, 1000), 1500);
  receive(message(0, 2, 2000), 12_000);
  assertEquals([tally.latencyMs(0.5), tally.latencyMs(1)], [0.51, 10.01]);
});

Deno.test("Receiver returns a ping, and reports a refusal", () => {
  const { receive } = receiver();
  assertEquals(receive(encodeFrame(9, Uint8Array.of(1, 2))), Uint8Array.of(1, 2));
  const refused = new Receiver(new Tally(), { senders: 1 });
  const response = new TextEncoder().encode("HTTP/1.1 503 Busy\r\n\r\n");
  refused.target().set(response);
  refused.received(response.length, 0);
  assertEquals([refused.isUpgraded, refused.refusal], [false, "HTTP/1.1 503 Busy"]);
});
