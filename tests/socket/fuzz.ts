import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import { decodeWireFrames, encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { closeAll, Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

/** How many connections send streams at the same time. */
const CONCURRENCY = 64;

/** The server closes a connection as soon as its peer does. After this time, a stream is stuck. */
const STUCK_MS = 20_000;

const HANDSHAKE = [
  ...new TextEncoder().encode(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n")),
];

/** What {@linkcode fuzzServer} measures. */
export interface FuzzResult {
  /** How much the memory of this process grew during the last nine tenths of the streams. */
  readonly growthBytes: number;
  /** How many connections ended with a TCP reset instead of a close frame. */
  readonly resetCount: number;
}

/**
 * Sends mutated streams of frames to a server, one per seed from `firstSeed` on. Then checks that
 * the server still delivers messages.
 *
 * @throws If a stream gets stuck, or if a response is neither HTTP nor whole frames. The message
 * names the seed.
 */
export async function fuzzServer(streamCount: number, firstSeed: number): Promise<FuzzResult> {
  await using server = await startTestApp({ binary: true, logLevel: "error", slowReader: "skip" });
  let seed = firstSeed;
  let resetCount = 0;
  const sendUpTo = (end: number) =>
    Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      while (seed < end) resetCount += await sendStream(server.port, seed++) ? 1 : 0;
    }));

  // Buffers and caches grow once: that is no leak. So the first tenth does not count.
  await sendUpTo(firstSeed + Math.floor(streamCount / 10));
  const { rss } = Deno.memoryUsage();
  await sendUpTo(firstSeed + streamCount);
  const growthBytes = Deno.memoryUsage().rss - rss;

  const [one, other] = await Peer.openMany(server.url, 2) as [Peer, Peer];
  assertEquals([server.app.chat.size, server.app.wires.size], [2, 2]);
  one.send("still here");
  assertEquals(await other.next(), "still here");
  await closeAll([one, other]);
  return { growthBytes, resetCount };
}

/**
 * Sends one stream, and checks that the server responds with HTTP or whole frames and then closes
 * the connection.
 *
 * @returns Whether the server reset the connection.
 */
async function sendStream(port: number, seed: number): Promise<boolean> {
  const random = seededRandom(seed);
  const replay = `replay it with FUZZ_SEED=${seed} FUZZ_STREAMS=1 deno task soak`;
  const isHandshakeMutated = random() < 0.02;
  const head = isHandshakeMutated ? mutate(HANDSHAKE, random) : HANDSHAKE;
  const bytes = [...head, ...mutate(stream(random), random)];
  const cut = below(random, bytes.length);
  using peer = await RawPeer.connect(port);
  const stuck = setTimeout(() => {
    throw new Error(`A stream got stuck: ${replay}`);
  }, STUCK_MS);
  try {
    await peer.send(bytes.slice(0, cut));
    await peer.send(bytes.slice(cut));
    await peer.closeWrite();
    const responseHead = isHandshakeMutated ? "" : await peer.readHead();
    const rest = await peer.readBytesToEnd();
    if (isHandshakeMutated) return false;
    assert(responseHead.startsWith("HTTP/1.1 101 "), responseHead);
    if (!peer.wasReset) decodeWireFrames(rest, "server");
    return peer.wasReset;
  } catch (error) {
    // After both close frames the server closes the connection, even if the peer is still sending.
    if (
      peer.wasReset || error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected
    ) return true;
    throw new Error(`A stream failed: ${replay}`, { cause: error });
  } finally {
    clearTimeout(stuck);
  }
}

type Random = () => number;

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Makes a stream of frames that are valid, or nearly so. */
function stream(random: Random): number[] {
  const bytes: number[] = [];
  for (let count = 1 + below(random, 5); count > 0; count--) {
    const opcode = [0, 1, 1, 1, 2, 8, 9, 10, 3][below(random, 9)]!;
    const length = [0, 1, 5, 125, 126, 200][below(random, 6)]!;
    const payload = opcode === 8
      ? [3, 232 + below(random, 20), ...new Array(below(random, 20)).fill(0x78)]
      : Array.from({ length }, () => below(random, random() < 0.1 ? 256 : 128));
    const isFinal = random() < 0.8;
    bytes.push(...encodeWireFrame(frame(opcode, payload, { isFinal }), "client"));
  }
  return bytes;
}

/** Flips bits, removes, repeats, and inserts bytes, and cuts off the end. */
function mutate(bytes: number[], random: Random): number[] {
  const mutated = [...bytes];
  for (let count = below(random, 4); count > 0 && mutated.length > 0; count--) {
    const at = below(random, mutated.length);
    switch (below(random, 5)) {
      case 0:
        mutated[at]! ^= 1 << below(random, 8);
        break;
      case 1:
        mutated.splice(at, 1 + below(random, 8));
        break;
      case 2:
        mutated.splice(at, 0, ...mutated.slice(at, at + 1 + below(random, 30)));
        break;
      case 3:
        mutated.splice(at, 0, below(random, 256));
        break;
      case 4:
        mutated.length = at;
    }
  }
  return mutated;
}
