import { assert, assertEquals } from "@std/assert";
import {
  decodeFlush,
  encodeFlush,
  flushLength,
  MAX_FLUSH_MESSAGES,
} from "../../../lib/cluster/stream/flush.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { ANN, publication } from "../test_room.ts";

const HEAD = {
  ...{ epoch: "0123456789abcdef", node: "n", number: 7, after: 4099, comparedUpTo: 4098, tail: 1 },
  isDeletion: false,
};
const PLACE = { streamSeq: 3, atMs: 1000 };
const BOB = { id: null, name: "Bob" };

/** A text in a flush. */
function text(payload: string) {
  return { opcode: OPCODE.text, payload: new TextEncoder().encode(payload) };
}

Deno.test("decodeFlush reads what encodeFlush wrote", () => {
  const bytes = new Uint8Array(70_000).fill(1);
  const publications = [
    publication("one", { id: "a" }),
    publication("zwei 👋", { author: BOB }),
    publication("", { author: { ...ANN } }),
    { ...publication("", { id: "b" }), opcode: OPCODE.binary, bytes },
  ];
  const payload = encodeFlush(HEAD, publications);
  assertEquals(decodeFlush(payload, PLACE), {
    ...HEAD,
    ...PLACE,
    byteCount: payload.length,
    messages: [
      { seq: 12288, author: ANN, atMs: 1000, ...text("one"), id: "a" },
      { seq: 12289, author: BOB, atMs: 1000, ...text("zwei 👋"), id: undefined },
      { seq: 12290, author: ANN, atMs: 1000, ...text(""), id: undefined },
      { seq: 12291, author: ANN, atMs: 1000, opcode: OPCODE.binary, payload: bytes, id: "b" },
    ],
  });
});

Deno.test("decodeFlush returns undefined for each part of a flush", () => {
  const payload = encodeFlush(HEAD, [publication("one", { id: "a" }), publication("two")]);
  for (let end = 0; end < payload.length; end++) {
    // The last message may be missing, but not its place in the header.
    assertEquals(decodeFlush(payload.subarray(0, end), PLACE), undefined, `${end} bytes`);
  }
});

const OK_HEADER = { ...HEAD, authors: [[null, null]], spans: [[0, 1]], ids: [] as unknown[] };
const OK_FRAMES = [0x81, 1, 65];

const HOSTILE: readonly (readonly [what: string, header: unknown, frames: readonly number[]])[] = [
  ["a header that is null", null, OK_FRAMES],
  ["a number for the epoch", { ...OK_HEADER, epoch: 1 }, OK_FRAMES],
  ["a fraction", { ...OK_HEADER, after: 0.5 }, OK_FRAMES],
  ["a negative number", { ...OK_HEADER, comparedUpTo: -1 }, OK_FRAMES],
  ["a negative number", { ...OK_HEADER, tail: -1 }, OK_FRAMES],
  ["an author that is not there", { ...OK_HEADER, spans: [[1, 1]] }, OK_FRAMES],
  ["an author that is a number", { ...OK_HEADER, authors: [[1, null]] }, OK_FRAMES],
  ["spans for fewer messages", { ...OK_HEADER, spans: [] }, OK_FRAMES],
  ["spans for more messages", { ...OK_HEADER, spans: [[0, 2]] }, OK_FRAMES],
  ["a span more", { ...OK_HEADER, spans: [[0, 1], [0, 1]] }, OK_FRAMES],
  ["an empty span", { ...OK_HEADER, spans: [[0, 0], [0, 1]] }, OK_FRAMES],
  ["an id that is a number", { ...OK_HEADER, ids: [[0, 1]] }, OK_FRAMES],
  ["an id of no message", { ...OK_HEADER, ids: [[1, "a"]] }, OK_FRAMES],
  ["ids that are no pairs", { ...OK_HEADER, ids: ["ab"] }, OK_FRAMES],
  ["no frames", { ...OK_HEADER, spans: [] }, []],
  ["a ping", OK_HEADER, [0x89, 0]],
  ["a fragment", OK_HEADER, [0x01, 0]],
  ["a masked frame", OK_HEADER, [0x81, 0x81, 0, 0, 0, 0, 65]],
  ["half a header", OK_HEADER, [0x81]],
  ["half a long header", OK_HEADER, [0x81, 127, 0, 0]],
  ["a frame that is too long", OK_HEADER, [0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]],
];

for (const [what, header, frames] of HOSTILE) {
  Deno.test(`decodeFlush returns undefined for ${what}`, () => {
    assertEquals(decodeFlush(payloadOf(header, frames), PLACE), undefined);
  });
}

Deno.test("decodeFlush takes what the hostile payloads are made from", () => {
  assert(decodeFlush(payloadOf(OK_HEADER, OK_FRAMES), PLACE));
});

Deno.test("decodeFlush returns undefined for more messages than sequence numbers", () => {
  const count = MAX_FLUSH_MESSAGES + 1;
  const payload = encodeFlush(HEAD, Array.from({ length: count }, () => publication("")));
  assertEquals(decodeFlush(payload, PLACE), undefined);
});

Deno.test("flushLength limits the messages and the bytes, but takes one of any size", () => {
  const small = Array.from({ length: 5000 }, () => publication(""));
  assertEquals(flushLength(small), MAX_FLUSH_MESSAGES);
  const large = Array.from({ length: 10 }, () => publication("x".repeat(100_000)));
  assertEquals(flushLength(large), 4);
  const id = "\u0001".repeat(100);
  const withIds = Array.from({ length: 4096 }, () => publication("", { id }));
  assert(encodeFlush(HEAD, withIds.slice(0, flushLength(withIds))).length < 512 * 1024);
  assertEquals(flushLength([publication("x".repeat(1_000_000)), publication("y")]), 1);
});

function payloadOf(header: unknown, frames: readonly number[]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const payload = new Uint8Array(4 + json.length + frames.length);
  new DataView(payload.buffer).setUint32(0, json.length);
  payload.set(json, 4);
  payload.set(frames, 4 + json.length);
  return payload;
}
