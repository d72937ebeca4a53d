import { delay } from "../delay.ts";
import { EventLoopLag, RunClock } from "../measure/clock.ts";
import { LatencyBins } from "../measure/latency_bins.ts";
import type { Marker } from "../measure/marker.ts";
import { SpreadRecorder } from "../measure/spread.ts";
import { ratePlanOf } from "../pace/rate_plan.ts";
import { seededRandom } from "../seeded_random.ts";
import { Churn } from "./churn.ts";
import { MessageSender } from "./message_sender.ts";
import { roomWeight } from "./sender_turns.ts";
import { UserPool } from "./user_pool.ts";
import type {
  LoadWorker,
  SendPlan,
  SteadyCounts,
  WorkerOptions,
  WorkerResult,
  WorkerSample,
} from "./worker.ts";

/** A worker in this thread. */
export class LocalWorker implements LoadWorker {
  readonly #options: WorkerOptions;
  readonly #clock: RunClock;
  readonly #users: UserPool;
  readonly #sender: MessageSender;
  readonly #churn: Churn;
  readonly #spreads: SpreadRecorder;
  readonly #handshake = new LatencyBins();
  readonly #warmup = new LatencyBins();
  readonly #steady = new LatencyBins();
  readonly #raw = new LatencyBins();
  readonly #lag = new LatencyBins();
  readonly #lagTimer = new EventLoopLag((us) => this.#lag.record(us));
  /** Messages that are due at this time or later belong to the steady phase. */
  #steadyFromUs = Infinity;
  #beforeSteady: { atMs: number; sent: number; delivered: number } | undefined;
  #steadyCounts: SteadyCounts = { seconds: 0, sent: 0, delivered: 0 };

  /** @param printNotice Takes notices for the user of the client. */
  constructor(options: WorkerOptions, printNotice: (line: string) => void) {
    this.#options = options;
    this.#clock = new RunClock(options.startEpochMs);
    this.#spreads = new SpreadRecorder(ratePlanOf(options.config).peakRate);
    this.#users = new UserPool(options, this.#clock, {
      onOpened: (us) => this.#handshake.record(us),
      onDelivered: (marker) => this.#delivered(marker),
      onNotice: printNotice,
    });
    this.#sender = new MessageSender(options, this.#clock, this.#users.signal, printNotice);
    const { churn, workers } = options.config;
    this.#churn = new Churn({
      ratePerSecond: churn / workers,
      users: this.#users.users,
      random: seededRandom(options.seed),
      reconnect: (user) => this.#users.reconnect(user),
    });
  }

  async connect(): Promise<number> {
    await this.#users.connect();
    const { config: { skew }, plan: { rooms } } = this.#options;
    let weight = 0;
    for (const { plan: { sender, room }, connection } of this.#users.users) {
      if (sender < 0 || !connection) continue;
      weight += skew === "even" ? 1 : roomWeight(room) / rooms[room]!.senderCount;
    }
    return weight;
  }

  async send(plan: SendPlan): Promise<void> {
    this.#users.settle();
    this.#steadyFromUs = Math.floor(plan.steadyMs * 1000);
    this.#beginSteady(plan);
    this.#churn.start();
    await this.#sender.send(plan, this.#users.users);
  }

  async beginDrain(): Promise<void> {
    this.#endSteady();
    await this.#churn.stop();
    this.#users.resumeSlowReaders();
  }

  sample(): Promise<WorkerSample> {
    const { ledger, summary, connections } = this.#users;
    return Promise.resolve({
      atMs: this.#clock.nowMs,
      connections,
      sent: this.#sender.sent,
      own: this.#users.ownCount,
      ledger: ledger.countsSoFar,
      failed: summary.failed,
      stages: this.#sender.stages?.take() ?? [],
      spunMs: this.#sender.spunMs,
      latencies: {
        handshake: this.#handshake.take(),
        warmup: this.#warmup.take(),
        steady: this.#steady.take(),
        raw: this.#raw.take(),
        ack: this.#sender.ack.take(),
        rawAck: this.#sender.rawAck.take(),
        slip: this.#sender.slip.take(),
        lag: this.#lag.take(),
      },
      spreads: this.#spreads.take(),
    });
  }

  outstanding(): Promise<number> {
    return Promise.resolve(this.#users.outstanding + this.#sender.pending);
  }

  async leave(): Promise<WorkerResult> {
    const { summary, ledger, slowReaders } = this.#users;
    this.#sender.close();
    ledger.close();
    const { counts, faults } = ledger;
    await this.#users.leave();
    this.#lagTimer[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
    summary.sent = this.#sender.sent;
    return {
      summary: { ...summary },
      ledger: counts,
      faults,
      uncompared: ledger.uncompared,
      acks: this.#sender.acks,
      slow: slowReaders,
      steady: this.#steadyCounts,
      unsent: { disconnected: this.#sender.disconnected, blocked: this.#sender.blocked },
      churned: this.#users.churned,
    };
  }

  stop(): void {
    this.#users.stop();
  }

  /** Waits for the steady phase, and records the counts at its beginning. */
  async #beginSteady({ startMs, steadyMs }: SendPlan): Promise<void> {
    if (steadyMs > startMs) await delay(steadyMs - this.#clock.nowMs, this.#users.signal);
    this.#beforeSteady = { ...this.#count(), atMs: Math.max(steadyMs, this.#clock.nowMs) };
  }

  #endSteady(): void {
    const before = this.#beforeSteady;
    if (!before) return;
    const after = this.#count();
    this.#steadyCounts = {
      seconds: (after.atMs - before.atMs) / 1000,
      sent: after.sent - before.sent,
      delivered: after.delivered - before.delivered,
    };
  }

  #count() {
    return {
      atMs: this.#clock.nowMs,
      sent: this.#sender.sent,
      delivered: this.#users.ledger.delivered,
    };
  }

  #delivered(marker: Readonly<Marker>): void {
    const nowMs = this.#clock.lastMs;
    const us = nowMs * 1000 - marker.plannedUs;
    if (marker.plannedUs < this.#steadyFromUs) return this.#warmup.record(us);
    this.#steady.record(us);
    this.#raw.record(us - marker.lateUs);
    this.#spreads.record(marker, nowMs);
    this.#sender.stages?.recordDelivery(marker.plannedUs, us);
  }
}
