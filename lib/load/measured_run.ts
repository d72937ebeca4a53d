import { printable } from "../cli/printable.ts";
import { letArrive } from "./arrivals.ts";
import type { ClientConfig } from "./config.ts";
import { type Close, connect, type Connection } from "./connect.ts";
import { delay } from "./delay.ts";
import { LatencyRecorder, type LatencySummary } from "./latency.ts";
import { leave } from "./leave.ts";
import { DeliveryLedger, type LedgerCounts, type ReceiverLedger } from "./ledger.ts";
import { writeMarker } from "./marker.ts";
import { sendOnSchedule } from "./open_loop.ts";
import type { RunOptions } from "./run.ts";
import { Summary } from "./summary.ts";

/** How long a server may take to count those in who have just connected, and how long it is quiet when all is said. */
const QUIET_MS = 100;

/** What a measured run has found. */
export interface Measurement {
  readonly summary: Summary;
  readonly ledger: LedgerCounts;
  /** Messages a second that were asked for, and that were sent, in the steady phase. */
  readonly offeredRate: number;
  readonly achievedRate: number;
  readonly deliveriesPerSecond: number;
  /** From when a message was planned until it came, in the steady phase. */
  readonly latency: LatencySummary | undefined;
  /** By how much later than planned messages were sent. */
  readonly slip: LatencySummary | undefined;
  /** Messages that were not sent because their sender had lost its connection. */
  readonly unsent: number;
}

interface User {
  readonly connection: Connection;
  readonly receiver: ReceiverLedger;
  /** Its number as a sender; -1 if it only listens. */
  readonly sender: number;
}

/** Measures a server: everybody connects, some send on a schedule, and every delivery is checked. */
export function runMeasured(config: ClientConfig, options: RunOptions): Promise<Measurement> {
  return new MeasuredRun(config, options).run();
}

class MeasuredRun {
  readonly #config: ClientConfig;
  readonly #options: RunOptions;
  readonly #summary = new Summary();
  readonly #latency = new LatencyRecorder();
  readonly #slip = new LatencyRecorder();
  readonly #runNumber: number;
  readonly #ledger: DeliveryLedger;
  readonly #users = new Set<User>();
  /** A signal for each handshake, as a signal is slow to tell thousands of listeners that come and go. */
  readonly #handshakes = new Set<AbortController>();
  /** Ends the sending: the user has stopped the run, or nobody is left. */
  readonly #over = new AbortController();
  readonly #startedAtMs = performance.now();
  /** Messages that were planned from here on count in the latencies. */
  #steadyFromUs = Infinity;
  #turn = 0;
  #unsent = 0;
  #isLeaving = false;

  constructor(config: ClientConfig, options: RunOptions) {
    this.#config = config;
    this.#options = options;
    this.#runNumber = Math.floor(options.random() * 0x10000);
    this.#ledger = new DeliveryLedger(this.#runNumber, senderCount(config), config.size);
  }

  async run(): Promise<Measurement> {
    const { signal, printNotice } = this.#options;
    const { count, url, rate, warmupMs, durationMs } = this.#config;
    const stop = () => {
      this.#over.abort();
      this.#handshakes.forEach((handshake) => handshake.abort());
    };
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    printNotice(`Connecting ${count} ${count === 1 ? "user" : "users"} to ${url} (Ctrl-C stops)`);
    await this.#ramp();
    printNotice(`Connected: ${this.#summary.opened} of ${count}`);
    await delay(QUIET_MS, this.#over.signal);

    const startMs = performance.now();
    const steadyMs = startMs + warmupMs;
    const endMs = durationMs === 0 ? Infinity : steadyMs + durationMs;
    this.#steadyFromUs = Math.floor(this.#us(steadyMs));
    await this.#sendAll(startMs, steadyMs);
    const before = this.#snapshot();
    await this.#sendAll(steadyMs, endMs);
    const after = this.#snapshot();
    await this.#drain();
    const ledger = this.#ledger.counts;
    await this.#leave();
    signal.removeEventListener("abort", stop);

    const seconds = (after.atMs - before.atMs) / 1000;
    const perSecond = (count: number) => seconds > 0 ? count / seconds : 0;
    return {
      summary: this.#summary,
      ledger,
      offeredRate: rate,
      achievedRate: perSecond(after.sent - before.sent),
      deliveriesPerSecond: perSecond(after.delivered - before.delivered),
      latency: this.#latency.summary,
      slip: this.#slip.summary,
      unsent: this.#unsent,
    };
  }

  #snapshot() {
    const { delivered } = this.#ledger;
    return { atMs: performance.now(), sent: this.#summary.sent, delivered };
  }

  async #sendAll(startMs: number, endMs: number): Promise<void> {
    const senders = [...this.#users].filter(({ sender }) => sender >= 0);
    if (senders.length === 0) return;
    await sendOnSchedule({
      ratePerSecond: this.#config.rate,
      startMs,
      endMs,
      signal: this.#over.signal,
      send: (dueMs) => this.#send(senders[this.#turn++ % senders.length]!, dueMs),
    });
  }

  /** Connects everybody, on the schedule of arrivals. */
  async #ramp(): Promise<void> {
    const attempts: Promise<void>[] = [];
    await letArrive(this.#config, this.#over.signal, (id) => attempts.push(this.#connect(id)));
    await Promise.all(attempts);
  }

  async #connect(id: number): Promise<void> {
    const { target, printNotice } = this.#options;
    const sender = id <= senderCount(this.#config) ? id - 1 : -1;
    const receiver = this.#ledger.join(sender);
    const handshake = new AbortController();
    this.#handshakes.add(handshake);
    const attempt = await connect(target, {
      timeoutMs: this.#config.connectTimeoutMs,
      signal: handshake.signal,
      onMessage: (_opcode, bytes, start, end) => {
        this.#summary.received++;
        const plannedUs = this.#ledger.receive(receiver, bytes, start, end);
        if (plannedUs === undefined || plannedUs < this.#steadyFromUs) return;
        this.#latency.record(this.#us(performance.now()) - plannedUs);
      },
    });
    this.#handshakes.delete(handshake);
    if (!("connection" in attempt)) {
      this.#ledger.leave(receiver);
      if (!("failure" in attempt)) return;
      if (!this.#summary.failures.has(attempt.failure.cause)) printNotice(attempt.failure.advice);
      return this.#summary.addFailure(attempt.failure);
    }
    this.#summary.opened++;
    const user = { connection: attempt.connection, receiver, sender };
    this.#users.add(user);
    attempt.connection.closed.then((close) => this.#ended(user, close));
  }

  #ended(user: User, close: Close): void {
    this.#users.delete(user);
    if (this.#isLeaving) return;
    this.#summary.addClose(close);
    this.#ledger.leave(user.receiver);
    if (this.#summary.lost++ === 0) {
      this.#options.printNotice(
        `A connection ended with ${close.code} ${printable(close.reason)}`.trimEnd(),
      );
    }
    if (this.#users.size === 0) this.#over.abort();
  }

  #send({ connection, sender }: User, dueMs: number): void {
    if (!connection.isOpen) {
      this.#unsent++;
      return;
    }
    if (this.#us(dueMs) >= this.#steadyFromUs) {
      this.#slip.record((performance.now() - dueMs) * 1000);
    }
    const text = new Uint8Array(this.#config.size).fill(FILLER);
    const number = this.#ledger.send(sender);
    const plannedUs = Math.floor(this.#us(dueMs));
    writeMarker(text, 0, { run: this.#runNumber, sender, number, plannedUs });
    connection.sendText(text);
    this.#summary.sent++;
  }

  /** Waits until everything has come and nothing comes any more, or what is missing does not come. */
  async #drain(): Promise<void> {
    const { drainTimeoutMs } = this.#config;
    const never = new AbortController().signal;
    let lastMs = performance.now();
    for (let received = -1; this.#users.size > 0;) {
      if (this.#summary.received !== received) {
        received = this.#summary.received;
        lastMs = performance.now();
      } else {
        const isAllThere = this.#ledger.outstanding === 0;
        if (performance.now() - lastMs >= (isAllThere ? QUIET_MS : drainTimeoutMs)) return;
      }
      await delay(QUIET_MS / 2, never);
    }
  }

  async #leave(): Promise<void> {
    this.#isLeaving = true;
    const closes = await Promise.all([...this.#users].map(({ connection }) => leave(connection)));
    for (const close of closes) this.#summary.addClose(close);
  }

  /** A time on the run's clock. */
  #us(atMs: number): number {
    return (atMs - this.#startedAtMs) * 1000;
  }
}

/** What a message is filled up with. */
const FILLER = 0x2e;

function senderCount({ senders, count }: ClientConfig): number {
  return senders === 0 ? count : Math.min(senders, count);
}
