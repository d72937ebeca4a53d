import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../lib/load/seeded_random.ts";
import { decodeWireFrames, encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { closeAll, Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

/** The number of streams. Set FUZZ_STREAMS for more. */
const STREAM_COUNT = Number(Deno.env.get("FUZZ_STREAMS") ?? 200_000);

/** To replay a failure, pass the seed that it printed: FUZZ_SEED=123 FUZZ_STREAMS=1. */
const FIRST_SEED = Number(Deno.env.get("FUZZ_SEED") ?? Date.now() % 1_000_000_000);

const CONCURRENCY = 64;

/** The time limit of a stream. The server ends a stream as soon as its peer does. */
const STUCK_MS = 20_000;

/** How much the process may grow. Its buffers and caches grow too, but a leak grows more. */
const MAX_GROWTH_BYTES = 150_000_000;

const HANDSHAKE = [
  ...new TextEncoder().encode(["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, "", ""].join("\r\n")),
];

type Random = () => number;

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Makes a stream of frames of which most are valid. */
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

/** Flips bits, and removes, repeats, inserts and truncates bytes. */
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

/**
 * Sends one stream to the server. Checks that the answer is HTTP or whole frames, and that the
 * server ends the connection.
 *
 * @returns Whether the server reset the connection.
 */
async function sendStream(port: number, seed: number): Promise<boolean> {
  const random = seededRandom(seed);
  const isHandshakeMutated = random() < 0.02;
  const head = isHandshakeMutated ? mutate(HANDSHAKE, random) : HANDSHAKE;
  const bytes = [...head, ...mutate(stream(random), random)];
  const cut = below(random, bytes.length);
  using peer = await RawPeer.connect(port);
  const stuck = setTimeout(() => {
    throw new Error(`A stream did not end: replay it with FUZZ_SEED=${seed} FUZZ_STREAMS=1`);
  }, STUCK_MS);
  try {
    await peer.send(bytes.slice(0, cut));
    await peer.send(bytes.slice(cut));
    await peer.closeWrite();
    const answer = isHandshakeMutated ? "" : await peer.readHead();
    const rest = await peer.readBytesToEnd();
    if (isHandshakeMutated) return false;
    assert(answer.startsWith("HTTP/1.1 101 "), answer);
    if (!peer.wasReset) decodeWireFrames(rest, "server");
    return peer.wasReset;
  } catch (error) {
    // After both close frames the server ends the connection at once, even if the peer still sends.
    if (
      peer.wasReset || error instanceof Deno.errors.ConnectionReset ||
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.NotConnected
    ) return true;
    throw new Error(`A stream failed: replay it with FUZZ_SEED=${seed} FUZZ_STREAMS=1`, {
      cause: error,
    });
  } finally {
    clearTimeout(stuck);
  }
}

Deno.test(`the server survives ${STREAM_COUNT} mutated streams (seed ${FIRST_SEED})`, async () => {
  await using server = await startTestApp({ binary: true, logLevel: "error", slowReader: "skip" });
  let next = FIRST_SEED;
  const end = FIRST_SEED + STREAM_COUNT;
  let resets = 0;
  const work = async (last: number) => {
    while (next < last) resets += await sendStream(server.port, next++) ? 1 : 0;
  };
  const workTo = (last: number) =>
    Promise.all(Array.from({ length: CONCURRENCY }, () => work(last)));

  // Memory that grows only at the beginning is not a leak, so the first tenth does not count.
  await workTo(FIRST_SEED + Math.floor(STREAM_COUNT / 10));
  const { rss } = Deno.memoryUsage();
  await workTo(end);
  const growth = Deno.memoryUsage().rss - rss;
  assert(growth < MAX_GROWTH_BYTES, `the memory has grown by ${growth} bytes`);

  assert(resets <= STREAM_COUNT / 1000, `${resets} streams were reset`);

  const [one, other] = await Peer.openMany(server.url, 2) as [Peer, Peer];
  assertEquals([server.app.connectionCount, server.app.openCount], [2, 2]);
  one.send("still here");
  assertEquals(await other.next(), "still here");
  await closeAll([one, other]);
});
