import { assert, assertEquals } from "@std/assert";
import {
  decodeNodeMessage,
  decodePresence,
  encodeAnswers,
  encodeDeltas,
  encodeRooms,
  type SnapshotPart,
} from "../../../lib/cluster/presence/presence_message.ts";

const MAX_BYTES = 512 * 1024;

/** The members with the largest JSON: their names have 64 characters of 4 bytes. */
const MANY = Array.from(
  { length: 5000 },
  (_, index) => ({ id: crypto.randomUUID(), name: index === 0 ? null : "𝔸".repeat(64) }),
);

Deno.test("encodeDeltas divides a large change into deltas with consecutive numbers", () => {
  const texts = encodeDeltas({ node: "a", n: 7, joined: MANY, left: MANY });
  const deltas = texts.map((text) => {
    const payload = new TextEncoder().encode(text);
    assert(payload.length <= MAX_BYTES, `${payload.length} bytes`);
    const message = decodePresence(payload);
    assert(message && "joined" in message);
    return message;
  });
  assertEquals(deltas.map(({ n }) => n), texts.map((_, index) => 7 + index));
  assertEquals(deltas.flatMap(({ joined }) => joined), MANY);
  assertEquals(deltas.flatMap(({ left }) => left), MANY.map(({ id }) => id));
  assertEquals(encodeDeltas({ node: "a", n: 7, joined: [], left: [] }), []);
});

Deno.test("encodeAnswers puts small snapshots in one answer, and divides large ones", () => {
  const small = Array.from({ length: 1000 }, (_, n) => ({ room: `room-${n}`, n, members: [] }));
  const snapshots = [...small, { room: "large", n: 3, members: MANY }];
  const answers = encodeAnswers({ node: "a", snapshots, isAll: true }).map((text) => {
    const payload = new TextEncoder().encode(text);
    assert(payload.length <= MAX_BYTES, `${payload.length} bytes`);
    const message = decodePresence(payload);
    assert(message && "snapshots" in message);
    return message;
  }).toArray();
  assertEquals(
    answers.map(({ isEnd }) => isEnd),
    answers.map((_, at) => at === answers.length - 1),
  );
  const parts = answers.flatMap((answer) => answer.snapshots);
  assertEquals(
    parts.slice(0, 1000),
    small.map((each): SnapshotPart => ({ ...each, part: 0, isLast: true })),
  );
  const large = parts.slice(1000);
  assertEquals(large.map(({ part, isLast }) => [part, isLast]), [
    ...large.slice(1).map((_, index) => [index, false]),
    [large.length - 1, true],
  ]);
  assertEquals(large.flatMap(({ members }) => members), MANY);
});

Deno.test("encodeAnswers tells the end even if the node has no rooms", () => {
  const texts = [...encodeAnswers({ node: "a", snapshots: [], isAll: true })];
  assertEquals(texts, ['{"node":"a","snapshots":[],"end":true}']);
  assertEquals([...encodeAnswers({ node: "a", snapshots: [], isAll: false })], []);
});

Deno.test("encodeRooms divides a long list into parts that can be decoded", () => {
  const encode = (rooms: { room: string; memberCount: number }[]) =>
    encodeRooms({ node: "a", request: 7, rooms }).map((text) => {
      const payload = new TextEncoder().encode(text);
      assert(payload.length <= MAX_BYTES, `${payload.length} bytes`);
      const message = decodePresence(payload);
      assert(message && "rooms" in message);
      assertEquals([message.node, message.request], ["a", 7]);
      return message;
    });
  const rooms = Array.from(
    { length: 10_000 },
    (_, index) => ({ room: `${"𝔸".repeat(123)}${index}`, memberCount: index }),
  );
  const parts = encode(rooms);
  assertEquals(parts.flatMap((part) => part.rooms), rooms);
  assertEquals(parts.map(({ isLast }) => isLast), parts.map((_, at) => at === parts.length - 1));
  assertEquals(encode([]), [{ node: "a", request: 7, rooms: [], isLast: true }]);
});

Deno.test("decodePresence refuses lists that are malformed", () => {
  const decode = (change: Record<string, unknown>) => {
    const part = { node: "a", request: 1, rooms: [["x", 1]], last: true, ...change };
    return decodePresence(new TextEncoder().encode(JSON.stringify(part)));
  };
  assert(decode({}));
  for (
    const change of [
      ...[{ node: ">" }, { request: -1 }, { request: "1" }, { last: 1 }, { rooms: null }],
      ...[["x"], ["", 1], ["x", -1], ["x", 0.5], ["x", "1"], ["\ud800", 1], [7, 1], null, "x"]
        .map((pair) => ({ rooms: [pair] })),
      { rooms: [["x".repeat(257), 1]] },
    ]
  ) {
    assertEquals(decode(change), undefined, JSON.stringify(change));
  }
});

Deno.test("decodeNodeMessage returns only what belongs to the message", () => {
  const decode = (text: string) => decodeNodeMessage(new TextEncoder().encode(text));
  assertEquals(decode('{"type":"here","node":"a","beat":3,"room":"x"}'), {
    ...{ type: "here", node: "a", beat: 3 },
  });
  assertEquals(decode('{"type":"bye","node":"a_-9"}'), { type: "bye", node: "a_-9" });
  assertEquals(decode('{"type":"ask","node":"a"}'), { type: "ask", node: "a" });
  assertEquals(decode('{"type":"ask","node":"a","to":"b","room":"é"}'), {
    ...{ type: "ask", node: "a", to: "b", room: "é" },
  });
  assertEquals(decode('{"type":"rooms","node":"a","request":1,"after":"","limit":9,"beat":3}'), {
    ...{ type: "rooms", node: "a", request: 1, after: "", limit: 9 },
  });
  assertEquals(
    decode('{"type":"rooms","node":"a","request":1,"after":7,"limit":9}'),
    undefined,
  );
  assertEquals(
    decode('{"type":"rooms","node":"a","request":1,"after":"","limit":-1}'),
    undefined,
  );
  assertEquals(decode(`{"type":"bye","node":"${"a".repeat(65)}"}`), undefined);
  assertEquals(decode('{"type":"bye","node":"a.b"}'), undefined);
});

Deno.test("decodePresence does not parse more than 1 MiB", () => {
  const payload = new Uint8Array(1024 * 1024 + 1).fill(0x20);
  payload.set(new TextEncoder().encode('{"node":"a","n":1,"joined":[],"left":[]}'));
  assertEquals(decodePresence(payload), undefined);
  assert(decodePresence(payload.subarray(0, -1)));
});
