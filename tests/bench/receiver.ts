import { numberOf, senderOf, timeUsOf } from "./marker.ts";

/** The longest frame that may come in pieces. */
const MAX_FRAME_BYTES = 128 * 1024;

/** Into this every socket is read, behind what was left of its last frame. */
const BUFFER = new Uint8Array(MAX_FRAME_BYTES + 256 * 1024);

const VIEW = new DataView(BUFFER.buffer);

const NOTHING = new Uint8Array(0);

/** Latencies are counted in steps of 10 microseconds, up to this many: 20 seconds. */
const LATENCY_STEPS = 2_000_000;
const LATENCY_STEP_US = 10;

/** What all receivers have found. */
export class Tally {
  deliveries = 0;
  lost = 0;
  /** Came again, or behind a later one. */
  outOfOrder = 0;
  /** Not one of ours. */
  foreign = 0;
  /** From when on latencies count. */
  measureFromUs = Infinity;
  readonly #latencies = new Uint32Array(LATENCY_STEPS);
  #latencyCount = 0;

  countLatency(plannedUs: number, nowUs: number): void {
    if (plannedUs < this.measureFromUs) return;
    const us = nowUs - plannedUs;
    const step = Math.min(LATENCY_STEPS - 1, Math.max(0, Math.floor(us / LATENCY_STEP_US)));
    this.#latencies[step]!++;
    this.#latencyCount++;
  }

  /** The latency in milliseconds that this part of all deliveries, 0 to 1, does not exceed. */
  latencyMs(quantile: number): number | undefined {
    if (this.#latencyCount === 0) return undefined;
    let left = Math.max(1, Math.ceil(quantile * this.#latencyCount));
    const step = this.#latencies.findIndex((count) => (left -= count) <= 0);
    return (step + 1) * LATENCY_STEP_US / 1000;
  }
}

/** Reads the frames of one connection, and checks that each sender's messages come once and in their order. */
export class Receiver {
  readonly #tally: Tally;
  readonly #next: Int32Array;
  #rest = NOTHING;
  #isUpgraded = false;
  /** How many messages have come. */
  deliveries = 0;
  /** What a server that does not upgrade answers instead. */
  refusal: string | undefined;

  constructor(tally: Tally, senderCount: number) {
    this.#tally = tally;
    this.#next = new Int32Array(senderCount);
  }

  get isUpgraded(): boolean {
    return this.#isUpgraded;
  }

  /** Where to read into. */
  target(): Uint8Array<ArrayBuffer> {
    BUFFER.set(this.#rest, MAX_FRAME_BYTES - this.#rest.length);
    return BUFFER.subarray(MAX_FRAME_BYTES);
  }

  /** Handles what has been read. @returns The payload of a ping, if there was one to answer. */
  received(length: number, nowUs: number): Uint8Array | undefined {
    const end = MAX_FRAME_BYTES + length;
    let at = MAX_FRAME_BYTES - this.#rest.length;
    if (!this.#isUpgraded) at = this.#passHead(at, end);
    let frameAt = at;
    let ping: Uint8Array | undefined;
    const tally = this.#tally;
    const next = this.#next;
    const isMeasured = nowUs >= tally.measureFromUs;
    let deliveries = 0;
    while (this.#isUpgraded && end - at >= 2) {
      const header = VIEW.getUint16(at);
      const opcode = header >>> 8 & 15;
      let length = header & 255;
      let payloadAt = at + 2;
      if (length >= 126) {
        if (end - at < 10) break;
        // No frame of the bench is longer than what 32 bits hold.
        const isShort = length === 126;
        length = isShort ? VIEW.getUint16(payloadAt) : VIEW.getUint32(payloadAt + 4);
        payloadAt += isShort ? 2 : 8;
      }
      at = payloadAt + length;
      if (at > end) {
        at = frameAt;
        break;
      }
      frameAt = at;
      if (opcode === 9) ping = BUFFER.slice(payloadAt, at);
      if (opcode !== 1) continue;
      deliveries++;
      const sender = senderOf(VIEW, payloadAt);
      if (sender === undefined) {
        tally.foreign++;
        continue;
      }
      const number = numberOf(VIEW, payloadAt);
      const expected = next[sender]!;
      if (number >= expected) next[sender] = number + 1;
      if (number > expected) tally.lost += number - expected;
      else if (number < expected) tally.outOfOrder++;
      if (isMeasured) tally.countLatency(timeUsOf(VIEW, payloadAt), nowUs);
    }
    tally.deliveries += deliveries;
    this.deliveries += deliveries;
    this.#rest = at === end ? NOTHING : BUFFER.slice(at, end);
    return ping;
  }

  #passHead(at: number, end: number): number {
    const text = new TextDecoder("latin1").decode(BUFFER.subarray(at, end));
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return at;
    if (text.startsWith("HTTP/1.1 101")) this.#isUpgraded = true;
    else this.refusal = text.split("\r\n")[0]!;
    return at + headEnd + 4;
  }
}
