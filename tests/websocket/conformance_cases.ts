// RFC 6455 as a table: what a peer sends, and what it must get back. The connection under test
// echoes every message that it accepts. Every case ends with a close frame: either the one that
// reports a fault, or the answer to the peer's own.

/** The payload of a frame: text, or bytes. */
type Payload = string | readonly number[];

/** A frame on the wire, valid or not. */
export interface WireFrame {
  readonly opcode: number;
  readonly payload: Payload;
  readonly isFinal: boolean;
  /** The three reserved bits, as 0x40, 0x20 and 0x10. */
  readonly reserved: number;
  /** Whether it is masked if a client sends it, and unmasked if a server does. */
  readonly isMaskRight: boolean;
  /** How many bits encode the length; undefined for the shortest form. */
  readonly lengthForm: "7" | "16" | "64" | undefined;
  /** A length to send instead of the payload's. */
  readonly claimedLength: bigint | undefined;
}

/** A frame that the peer gets back. */
export type ReceivedFrame = readonly [opcode: number, payload: Payload];

export interface ConformanceCase {
  readonly name: string;
  readonly frames: readonly WireFrame[];
  /** What the peer gets back. The last frame is the close frame. */
  readonly answer: readonly ReceivedFrame[];
}

export const MAX_MESSAGE_BYTES = 65_536;

const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

export function frame(
  opcode: number,
  payload: Payload = "",
  options: Partial<WireFrame> = {},
): WireFrame {
  return {
    opcode,
    payload,
    isFinal: true,
    reserved: 0,
    isMaskRight: true,
    lengthForm: undefined,
    claimedLength: undefined,
    ...options,
  };
}

const unfinished = { isFinal: false };
const closing = (code: number): Payload => [code >> 8, code & 255];
const closed: ReceivedFrame = [CLOSE, closing(1000)];
const close = frame(CLOSE, closing(1000));

/** A case of valid frames. The answer contains their messages, and the peer closes with 1000. */
function good(
  name: string,
  frames: readonly WireFrame[],
  answer: readonly ReceivedFrame[],
): ConformanceCase {
  return { name, frames: [...frames, close], answer: [...answer, closed] };
}

/** A case that ends with a fault: the connection closes with this code, and ignores the rest. */
function bad(
  name: string,
  code: number,
  frames: readonly WireFrame[],
  answer: readonly ReceivedFrame[] = [],
): ConformanceCase {
  return {
    name,
    frames: [...frames, frame(TEXT, "too late")],
    answer: [...answer, [CLOSE, closing(code)]],
  };
}

const LENGTHS = [0, 1, 125, 126, 127, 65_535, MAX_MESSAGE_BYTES];

const INVALID_UTF8: Readonly<Record<string, readonly number[]>> = {
  "a lone continuation byte": [0x80],
  "a sequence that is cut off": [0x61, 0xe2, 0x82],
  "an overlong slash": [0xc0, 0xaf],
  "an overlong three-byte form": [0xe0, 0x9f, 0xbf],
  "an overlong four-byte form": [0xf0, 0x8f, 0xbf, 0xbf],
  "a surrogate": [0xed, 0xa0, 0x80],
  "more than U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  "a byte that UTF-8 never contains": [0xff],
  "a lead byte where a continuation belongs": [0xe2, 0x82, 0x61],
};

export const CONFORMANCE_CASES: readonly ConformanceCase[] = [
  ...LENGTHS.map((length) =>
    good(`a text of ${length} bytes`, [frame(TEXT, "x".repeat(length))], [[
      TEXT,
      "x".repeat(length),
    ]])
  ),
  ...LENGTHS.map((length) => {
    const bytes = Array.from({ length }, (_, index) => index & 255);
    return good(`a binary message of ${length} bytes`, [frame(BINARY, bytes)], [[BINARY, bytes]]);
  }),
  good("several messages", [frame(TEXT, "1"), frame(BINARY, [2]), frame(TEXT, "3")], [
    [TEXT, "1"],
    [BINARY, [2]],
    [TEXT, "3"],
  ]),
  good("text beyond ASCII", [frame(TEXT, "Grüße, 世界 👋 \u{10ffff}")], [[
    TEXT,
    "Grüße, 世界 👋 \u{10ffff}",
  ]]),

  ...[0, 1, 125].map((length) =>
    good(`a ping of ${length} bytes`, [frame(PING, "p".repeat(length))], [[
      PONG,
      "p".repeat(length),
    ]])
  ),
  good("an unsolicited pong", [frame(PONG, "?")], []),
  bad("a ping of 126 bytes", 1002, [frame(PING, "p".repeat(126))]),
  bad("a pong of 126 bytes", 1002, [frame(PONG, "p".repeat(126))]),
  bad("a close frame of 126 bytes", 1002, [frame(CLOSE, "p".repeat(126))]),
  bad("a ping whose length has 16 bits", 1002, [frame(PING, "p", { lengthForm: "16" })]),
  ...[CLOSE, PING, PONG].map((opcode) =>
    bad(`a fragmented control frame ${opcode}`, 1002, [frame(opcode, "", unfinished)])
  ),

  ...[0x40, 0x20, 0x10, 0x70].flatMap((reserved) =>
    [TEXT, CONTINUATION, PING, CLOSE].map((opcode) =>
      bad(`reserved bits ${reserved.toString(16)} in opcode ${opcode}`, 1002, [
        frame(opcode, "x", { reserved }),
      ])
    )
  ),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    bad(`the reserved opcode ${opcode}`, 1002, [frame(opcode, "x")])
  ),
  ...[TEXT, BINARY, PING, CLOSE].map((opcode) =>
    bad(`opcode ${opcode} with the wrong masking`, 1002, [
      frame(opcode, "x", { isMaskRight: false }),
    ])
  ),
  bad("a fault after valid messages", 1002, [frame(TEXT, "good"), frame(3)], [[TEXT, "good"]]),

  good("two fragments", [frame(TEXT, "Hel", unfinished), frame(CONTINUATION, "lo")], [[
    TEXT,
    "Hello",
  ]]),
  good("binary fragments", [
    frame(BINARY, [1], unfinished),
    frame(CONTINUATION, [2], unfinished),
    frame(CONTINUATION, [3]),
  ], [[BINARY, [1, 2, 3]]]),
  good("empty fragments", [
    frame(TEXT, "", unfinished),
    frame(CONTINUATION, "", unfinished),
    frame(CONTINUATION, ""),
  ], [[TEXT, ""]]),
  good("control frames between fragments", [
    frame(TEXT, "Hel", unfinished),
    frame(PING, "now"),
    frame(PONG),
    frame(CONTINUATION, "lo"),
  ], [[PONG, "now"], [TEXT, "Hello"]]),
  good("two fragmented messages", [
    frame(TEXT, "a", unfinished),
    frame(CONTINUATION, "b"),
    frame(TEXT, "c", unfinished),
    frame(CONTINUATION, "d"),
  ], [[TEXT, "ab"], [TEXT, "cd"]]),
  good("a character across fragments", [
    frame(TEXT, [0xe2], unfinished),
    frame(CONTINUATION, [0x82], unfinished),
    frame(CONTINUATION, [0xac]),
  ], [[TEXT, "€"]]),
  bad("a continuation without a start", 1002, [frame(CONTINUATION, "x")]),
  bad("an unfinished continuation without a start", 1002, [frame(CONTINUATION, "x", unfinished)]),
  bad("a continuation of a finished message", 1002, [
    frame(TEXT, "a", unfinished),
    frame(CONTINUATION, "b"),
    frame(CONTINUATION, "c"),
  ], [[TEXT, "ab"]]),
  bad("a message within a fragmented message", 1002, [
    frame(TEXT, "a", unfinished),
    frame(TEXT, "b"),
  ]),
  bad("a first fragment within a fragmented message", 1002, [
    frame(TEXT, "a", unfinished),
    frame(BINARY, [1], unfinished),
  ]),

  ...Object.entries(INVALID_UTF8).flatMap(([name, bytes]) => [
    bad(`text with ${name}`, 1007, [frame(TEXT, bytes)]),
    bad(`fragments with ${name}`, 1007, [
      frame(TEXT, "ok", unfinished),
      frame(CONTINUATION, bytes),
    ]),
    bad(`a close reason with ${name}`, 1007, [frame(CLOSE, [0x03, 0xe8, ...bytes])]),
  ]),
  good("a binary message that is not UTF-8", [frame(BINARY, [0xff])], [[BINARY, [0xff]]]),

  bad("125 bytes with a length of 16 bits", 1002, [
    frame(TEXT, "x".repeat(125), { lengthForm: "16" }),
  ]),
  bad("125 bytes with a length of 64 bits", 1002, [
    frame(TEXT, "x".repeat(125), { lengthForm: "64" }),
  ]),
  bad("65,535 bytes with a length of 64 bits", 1002, [
    frame(TEXT, "x".repeat(65_535), { lengthForm: "64" }),
  ]),
  bad("a length with its highest bit set", 1002, [frame(TEXT, "", { claimedLength: 2n ** 63n })]),
  bad("a length of 2^53", 1002, [frame(TEXT, "", { claimedLength: 2n ** 53n })]),
  bad("a length of 2^53 - 1", 1009, [frame(TEXT, "", { claimedLength: 2n ** 53n - 1n })]),
  bad("a message that is one byte too long, before its payload arrives", 1009, [
    frame(BINARY, "", { claimedLength: BigInt(MAX_MESSAGE_BYTES + 1) }),
  ]),
  bad("fragments that are one byte too long, before the last one arrives", 1009, [
    frame(TEXT, "x".repeat(MAX_MESSAGE_BYTES - 1), unfinished),
    frame(CONTINUATION, "", { claimedLength: 2n }),
  ]),
  good("fragments of the longest message", [
    frame(TEXT, "x".repeat(MAX_MESSAGE_BYTES - 1), unfinished),
    frame(CONTINUATION, "x"),
  ], [[TEXT, "x".repeat(MAX_MESSAGE_BYTES)]]),

  { name: "a close frame without a code", frames: [frame(CLOSE)], answer: [[CLOSE, ""]] },
  ...[
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
  ].map((
    code,
  ): ConformanceCase => ({
    name: `a close frame with ${code}`,
    frames: [frame(CLOSE, closing(code))],
    answer: [[CLOSE, closing(code)]],
  })),
  {
    name: "a close frame with the longest reason",
    frames: [frame(CLOSE, [0x03, 0xe8, ...new Array(123).fill(0x78)])],
    answer: [closed],
  },
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    bad(`a close frame with ${code}`, 1002, [frame(CLOSE, closing(code))])
  ),
  bad("a close frame of one byte", 1002, [frame(CLOSE, [3])]),
  {
    name: "frames after a close frame",
    frames: [close, frame(TEXT, "too late"), frame(3), close],
    answer: [closed],
  },
];

const encoder = new TextEncoder();

export function payloadBytes(payload: Payload): Uint8Array<ArrayBuffer> {
  return typeof payload === "string" ? encoder.encode(payload) : Uint8Array.from(payload);
}

/** Encodes a frame as a client or a server sends it. */
export function encodeWireFrame(wire: WireFrame, sender: "client" | "server"): number[] {
  const payload = payloadBytes(wire.payload);
  const length = wire.claimedLength ?? BigInt(payload.length);
  const form = wire.lengthForm ?? (length < 126n ? "7" : length < 65_536n ? "16" : "64");
  const isMasked = (sender === "client") === wire.isMaskRight;
  const short = form === "7" ? Number(length) : form === "16" ? 126 : 127;
  const extended = form === "7" ? 0 : form === "16" ? 2 : 8;
  const bytes = [
    (wire.isFinal ? 0x80 : 0) | wire.reserved | wire.opcode,
    (isMasked ? 0x80 : 0) | short,
  ];
  for (let index = extended - 1; index >= 0; index--) {
    bytes.push(Number((length >> BigInt(8 * index)) & 255n));
  }
  const mask = isMasked ? [0x37, 0xfa, 0x21, 0x3d] : [0, 0, 0, 0];
  if (isMasked) bytes.push(...mask);
  for (const [index, byte] of payload.entries()) bytes.push(byte ^ mask[index % 4]!);
  return bytes;
}

/**
 * Decodes whole frames, and checks that they are final and masked as their sender's role demands.
 *
 * @throws {Error} If they are not, or if the last frame is not whole.
 */
export function decodeWireFrames(
  bytes: Uint8Array,
  sender: "client" | "server",
): { opcode: number; payload: Uint8Array }[] {
  const frames = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const [first, second] = [view.getUint8(at), view.getUint8(at + 1)];
    if ((first & 0xf0) !== 0x80) {
      throw new Error(`Not a final frame without reserved bits: ${first}`);
    }
    if ((second >= 0x80) !== (sender === "client")) throw new Error(`Wrong masking: ${second}`);
    at += 2;
    let length = second & 0x7f;
    if (length === 126) length = view.getUint16(at), at += 2;
    else if (length === 127) length = Number(view.getBigUint64(at)), at += 8;
    const mask = sender === "client" ? bytes.subarray(at, at += 4) : new Uint8Array(4);
    if (at + length > bytes.length) throw new Error("The last frame is not whole");
    const payload = bytes.slice(at, at += length).map((byte, index) => byte ^ mask[index % 4]!);
    frames.push({ opcode: first & 15, payload });
  }
  return frames;
}
