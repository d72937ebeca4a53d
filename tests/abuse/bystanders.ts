import type { ServerMessage } from "../../lib/chat/chorus_v1.ts";
import { LatencyHistogram, type LatencySummary } from "../../lib/load/measure/latency.ts";

/** How many members there are, and how much they publish. */
export interface BystandersOptions {
  readonly count?: number;
  /** Messages of all members together. */
  readonly ratePerSecond?: number;
}

/** The room of the bystanders. */
export const BYSTANDERS_ROOM = "bystanders";

/** A message that takes longer is lost. */
const MAX_DELIVERY_MS = 30_000;

const TEXT = /^bystander (\d+) (\d+) (\S+)$/;

/**
 * A healthy room: members that publish at a fixed low rate, in plain text and with `chorus.v1`.
 * They check that every message of a member reaches each other member once and in order, and that
 * the server neither closes a connection nor reports a gap or an error.
 */
export class Bystanders implements Disposable {
  readonly #members: readonly Member[];
  readonly #gapMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #startMs = 0;
  #publishedCount = 0;
  #receivedCount = 0;
  #latency = new LatencyHistogram();
  readonly #faults: string[] = [];
  #onReceived = () => {};

  private constructor(members: readonly Member[], ratePerSecond: number) {
    this.#members = members;
    this.#gapMs = 1000 / ratePerSecond;
    for (const [index, member] of members.entries()) {
      member.onText = (text) => this.#receive(index, text);
      member.onFault = (fault) => this.#fail(`member ${index}: ${fault}`);
    }
  }

  /** Joins the room of the server at this port. */
  static async join(
    port: number,
    { count = 20, ratePerSecond = 100 }: BystandersOptions = {},
  ): Promise<Bystanders> {
    const members = Array.from(
      { length: count },
      (_, index) =>
        new Member(`ws://127.0.0.1:${port}/ws?room=${BYSTANDERS_ROOM}`, {
          isChorus: index % 2 === 1,
          count,
        }),
    );
    await Promise.all(members.map(({ opened }) => opened));
    return new Bystanders(members, ratePerSecond);
  }

  /** The number of members. */
  get count(): number {
    return this.#members.length;
  }

  /** What the bystanders noticed. Empty if all is well. */
  get faults(): readonly string[] {
    return this.#faults;
  }

  /** Begins to publish, regardless of how fast messages arrive. */
  start(): void {
    this.#startMs = performance.now();
    const first = this.#publishedCount;
    const plannedMs = () => this.#startMs + (this.#publishedCount - first) * this.#gapMs;
    this.#timer = setInterval(() => {
      while (plannedMs() <= performance.now()) this.#publish(plannedMs());
    }, Math.min(5, this.#gapMs));
  }

  /** Resolves when this many more messages have reached all, or a fault was noticed. */
  async hear(messageCount: number): Promise<void> {
    const count = this.#receivedCount + messageCount * (this.#members.length - 1);
    await this.#until(() => this.#receivedCount >= count);
  }

  /** Resolves when all messages published so far have arrived, or a fault was noticed. */
  async catchUp(): Promise<void> {
    const count = this.#expectedCount;
    await this.#until(() => this.#receivedCount >= count);
  }

  /** The latencies since the last call, in milliseconds. */
  takeLatency(): LatencySummary | undefined {
    const { summary } = this.#latency;
    this.#latency = new LatencyHistogram();
    return summary;
  }

  /** Stops publishing, and resolves when all messages have arrived, or a fault was noticed. */
  async settle(): Promise<void> {
    clearInterval(this.#timer);
    await this.#until(() => this.#receivedCount === this.#expectedCount);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const member of this.#members) member.close();
  }

  get #expectedCount(): number {
    return this.#publishedCount * (this.#members.length - 1);
  }

  async #until(isReached: () => boolean): Promise<void> {
    const timer = setTimeout(() => {
      this.#fail(`${this.#expectedCount - this.#receivedCount} deliveries are missing`);
    }, MAX_DELIVERY_MS);
    while (!isReached() && this.#faults.length === 0) {
      await new Promise<void>((resolve) => this.#onReceived = resolve);
    }
    clearTimeout(timer);
  }

  #publish(plannedMs: number): void {
    const from = this.#publishedCount++ % this.#members.length;
    const member = this.#members[from]!;
    member.publish(`bystander ${from} ${member.publishedCount++} ${plannedMs.toFixed(3)}`);
  }

  #receive(to: number, text: string): void {
    const match = TEXT.exec(text);
    // A message of an attacker.
    if (!match) return;
    const [from, sequence, plannedMs] = match.slice(1).map(Number) as [number, number, number];
    const { expected } = this.#members[to]!;
    if (sequence !== expected[from]) {
      return this.#fail(`member ${to} got message ${sequence} of ${from}, not ${expected[from]}`);
    }
    expected[from]++;
    this.#receivedCount++;
    this.#latency.record((performance.now() - plannedMs) * 1000);
    this.#onReceived();
  }

  #fail(fault: string): void {
    this.#faults.push(fault);
    this.#onReceived();
  }
}

/** One bystander. */
class Member {
  readonly #socket: WebSocket;
  readonly #isChorus: boolean;
  readonly opened: Promise<void>;
  /** The next message of each member. */
  readonly expected: number[];
  publishedCount = 0;
  #isClosing = false;
  onText: (text: string) => void = () => {};
  onFault: (fault: string) => void = () => {};

  constructor(
    url: string,
    { isChorus, count }: { readonly isChorus: boolean; readonly count: number },
  ) {
    this.#isChorus = isChorus;
    this.expected = Array(count).fill(0);
    const socket = this.#socket = new WebSocket(url, isChorus ? ["chorus.v1"] : []);
    this.opened = new Promise((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = (event) => reject(new Error((event as ErrorEvent).message));
    });
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code, reason }) => {
      if (!this.#isClosing) this.onFault(`closed with ${code} ${reason}`);
    };
  }

  publish(text: string): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(this.#isChorus ? JSON.stringify({ type: "say", text }) : text);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket.close();
  }

  #receive(data: string): void {
    if (!this.#isChorus) return this.onText(data);
    const message: ServerMessage = JSON.parse(data);
    if (message.type === "said" && "text" in message) this.onText(message.text);
    else if (message.type === "gap" || message.type === "error") this.onFault(data);
  }
}
