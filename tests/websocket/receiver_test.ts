import { assertEquals, assertThrows } from "@std/assert";
import { encodeFrame } from "../../lib/websocket/frame.ts";
import { ProtocolError } from "../../lib/websocket/protocol_error.ts";
import { Receiver } from "../../lib/websocket/receiver.ts";

const KEY = 0x01020304;

/** A receiver, and the memory and the text of each message. */
function record() {
  const memories: ArrayBufferLike[] = [];
  const texts: string[] = [];
  const receiver = new Receiver({ role: "server", maxMessageBytes: 1000 }, {
    onMessage: (_opcode, bytes, start, end) => {
      memories.push(bytes.buffer);
      texts.push(new TextDecoder().decode(bytes.subarray(start, end)));
      if (texts.at(-1) === "throw") throw new Error("thrown by the listener");
    },
    onPing: () => {},
    onPong: () => {},
    onClose: () => {},
  });
  return { receiver, memories, texts };
}

function frame(text: string): Uint8Array<ArrayBuffer> {
  return encodeFrame(1, new TextEncoder().encode(text), KEY);
}

Deno.test("Receiver passes a message that arrives in one piece on without a copy", () => {
  const { receiver, memories, texts } = record();
  const [cut, whole] = [frame("cut"), frame("whole")];
  receiver.receive(cut.slice(0, 5));
  receiver.receive(cut.slice(5));
  receiver.receive(whole);
  assertEquals(texts, ["cut", "whole"]);
  assertEquals(memories[1] === whole.buffer, true);
});

Deno.test("Receiver stores a copy of a frame that is not whole", () => {
  const { receiver, texts } = record();
  const received = Uint8Array.of(...frame("1"), ...frame("2").subarray(0, 6));
  receiver.receive(received);
  received.fill(0);
  const rest = Uint8Array.of(...frame("2").subarray(6), ...frame("3").subarray(0, 1));
  receiver.receive(rest);
  rest.fill(0);
  receiver.receive(frame("3").subarray(1));
  assertEquals(texts, ["1", "2", "3"]);
});

Deno.test("Receiver.receive() throws at a fault, and ignores everything after it", () => {
  const { receiver, texts } = record();
  const bytes = Uint8Array.of(...frame("before"), 0x83, 0x80, ...frame("after"));
  assertThrows(() => receiver.receive(bytes), ProtocolError, "the opcode is reserved");
  receiver.receive(frame("later"));
  assertEquals([texts, receiver.isDone], [["before"], true]);
});

Deno.test("Receiver.receive() throws what its listener throws", () => {
  const { receiver } = record();
  assertThrows(() => receiver.receive(frame("throw")), Error, "thrown by the listener");
  assertEquals(receiver.isDone, true);
});
