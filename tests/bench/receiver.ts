import { senderOf, seqOf, timeUsOf } from "./marker.ts";

/** The longest frame that may arrive in several reads. */
const MAX_FRAME_BYTES = 128 * 1024;

/** The buffer for all reads. Data follows the rest of the last frame of the same socket. */
const BUFFER = new Uint8Array(MAX_FRAME_BYTES + 256 * 1024);

const VIEW = new DataView(BUFFER.buffer);

const NOTHING = new Uint8Array(0);

/** Latencies are counted in bins of 10 microseconds, up to 20 seconds. */
const LATENCY_STEPS = 2_000_000;
const LATENCY_STEP_US = 10;

/** The counts of all receivers together. */
export class Tally {
  deliveries = 0;
  lost = 0;
  /** Messages that arrived twice, or after a later one. */
  outOfOrder = 0;
  /** Messages that are not from the bench, or from another room. */
  foreign = 0;
  /** Latencies count from this time on. */
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

  /** Returns a quantile (0 to 1) of the latencies, in milliseconds. */
  latencyMs(quantile: number): number | undefined {
    if (this.#latencyCount === 0) return undefined;
    let left = Math.max(1, Math.ceil(quantile * this.#latencyCount));
    const step = this.#latencies.findIndex((count) => (left -= count) <= 0);
    return (step + 1) * LATENCY_STEP_US / 1000;
  }
}

/** From whom a receiver expects messages. */
export interface ReceiverOptions {
  /** The clients with an index below this send. */
  readonly senders: number;
  /** Client `i` is in room `i % rooms`. Default: 1 */
  readonly rooms?: number;
  /** The index of the room of this receiver. Default: 0 */
  readonly room?: number;
}

/**
 * Reads the frames of one connection, and checks that the messages of each sender of its room
 * arrive once and in order.
 */
export class Receiver {
  readonly #tally: Tally;
  readonly #senders: number;
  readonly #rooms: number;
  readonly #room: number;
  /** The expected sequence number of each sender of the room. */
  readonly #next: Int32Array;
  #rest = NOTHING;
  #isUpgraded = false;
  /** How many messages have arrived. */
  deliveries = 0;
  /** The status line of a server that refuses the upgrade. */
  refusal: string | undefined;

  constructor(tally: Tally, { senders, rooms = 1, room = 0 }: ReceiverOptions) {
    this.#tally = tally;
    this.#senders = senders;
    this.#rooms = rooms;
    this.#room = room;
    this.#next = new Int32Array(Math.ceil(senders / rooms));
  }

  get isUpgraded(): boolean {
    return this.#isUpgraded;
  }

  /** Returns the free part of the buffer, to read into. */
  target(): Uint8Array<ArrayBuffer> {
    BUFFER.set(this.#rest, MAX_FRAME_BYTES - this.#rest.length);
    return BUFFER.subarray(MAX_FRAME_BYTES);
  }

  /** Handles the bytes read. @returns The payload of a ping that needs a pong. */
  received(length: number, nowUs: number): Uint8Array | undefined {
    const end = MAX_FRAME_BYTES + length;
    let at = MAX_FRAME_BYTES - this.#rest.length;
    if (!this.#isUpgraded) at = this.#passHead(at, end);
    let frameAt = at;
    let ping: Uint8Array | undefined;
    const tally = this.#tally;
    const next = this.#next;
    const senders = this.#senders, rooms = this.#rooms, room = this.#room;
    // The two divisions would slow down the loop by a third.
    const hasRooms = rooms > 1;
    const isMeasured = nowUs >= tally.measureFromUs;
    let deliveries = 0;
    while (this.#isUpgraded && end - at >= 2) {
      const header = VIEW.getUint16(at);
      const opcode = header >>> 8 & 15;
      let length = header & 255;
      let payloadAt = at + 2;
      if (length >= 126) {
        if (end - at < 10) break;
        // The length of every frame of the bench fits into 32 bits.
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
      if (sender === undefined || sender >= senders || hasRooms && sender % rooms !== room) {
        tally.foreign++;
        continue;
      }
      const place = hasRooms ? Math.floor(sender / rooms) : sender;
      const seq = seqOf(VIEW, payloadAt);
      const expected = next[place]!;
      if (seq >= expected) next[place] = seq + 1;
      if (seq > expected) tally.lost += seq - expected;
      else if (seq < expected) tally.outOfOrder++;
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
