import { speaksChorus } from "../config.ts";
import { delay } from "../delay.ts";
import { sumAcks } from "../measure/acks.ts";
import { EventLoopLag, RunClock } from "../measure/clock.ts";
import { LatencyBins } from "../measure/latency_bins.ts";
import type { Marker } from "../measure/ledger/marker.ts";
import type { MessageName } from "../measure/ledger/receiver_plan.ts";
import { RefusedMessages } from "../measure/ledger/refused_messages.ts";
import { SentWindow } from "../measure/ledger/sent_window.ts";
import { SpreadRecorder } from "../measure/spread.ts";
import { ratePlanOf } from "../pace/rate_plan.ts";
import { seededRandom } from "../seeded_random.ts";
import { AckRecorder } from "./chorus_v1/ack_recorder.ts";
import type { PendingMessage } from "./chorus_v1/pending_messages.ts";
import { Churn } from "./churn.ts";
import { MessageSender } from "./message_sender.ts";
import { roomWeight } from "./sender_turns.ts";
import { Storm } from "./storm.ts";
import { parseStorm } from "./storm_plan.ts";
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
  readonly #storm: Storm | undefined;
  readonly #refused: RefusedMessages;
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
    this.#refused = new RefusedMessages(options.refused);
    const window = options.window && new SentWindow(options.window, options.sentBySender.length);
    this.#users = new UserPool(options, this.#clock, {
      onOpened: (us) => this.#handshake.record(us),
      onDelivered: window
        ? (marker) => {
          window.onReached(marker.sender, marker.seq);
          this.#delivered(marker);
        }
        : (marker) => this.#delivered(marker),
      acks: window && speaksChorus(options.config)
        ? new AckRecorder(window, this.#refused, (message) => this.#acked(message))
        : undefined,
      onResumed: (user) => this.#sender.publishAgain(user),
      onNotice: printNotice,
    });
    this.#sender = new MessageSender(options, this.#clock, this.#users.signal, printNotice);
    this.#storm = window && this.#createStorm(window);
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
    await this.#sender.ready;
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
    this.#storm?.run(plan.steadyMs + parseStorm(this.#options.config.storm)!.atMs);
    await this.#sender.send(plan, this.#users.users);
  }

  async beginDrain(): Promise<void> {
    this.#endSteady();
    await this.#churn.stop();
    this.#users.resumeSlowReaders();
    await this.#awaitStorm();
    // They have stopped trying, so nothing more can reach them.
    if (this.#users.signal.aborted) this.#users.giveUpAway();
  }

  sample(): Promise<WorkerSample> {
    const { ledger, summary, connections } = this.#users;
    this.#waiveRefused();
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
    this.#storm?.findCutOff(false);
    this.#waiveRefused();
    return Promise.resolve(this.#users.outstanding + this.#sender.pending);
  }

  endDrain(): Promise<void> {
    this.#storm?.findCutOff(true);
    return Promise.resolve();
  }

  expected(messages: readonly MessageName[]): Promise<readonly MessageName[]> {
    const { receivers } = this.#users;
    return Promise.resolve(
      messages.filter(({ sender, seq }) =>
        receivers.some((receiver) => receiver.isExpected(sender, seq))
      ),
    );
  }

  async leave(): Promise<WorkerResult> {
    this.#waiveRefused();
    this.#users.giveUpAway();
    const { summary, ledger, slowReaders } = this.#users;
    this.#sender.close();
    const acks = sumAcks([this.#sender.acks, this.#users.acks]);
    ledger.close();
    const { counts, faults } = ledger;
    const storm = this.#storm?.counts(this.#sender.publishedAgain);
    await this.#users.leave();
    await this.#storm?.over;
    this.#lagTimer[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
    summary.sent = this.#sender.sent;
    return {
      summary: { ...summary },
      ledger: counts,
      faults,
      ...ledger.unchecked,
      acks,
      storm,
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

  #createStorm(window: SentWindow): Storm | undefined {
    const { stormIds, sentBySender, seed, config } = this.#options;
    if (stormIds.length === 0) return undefined;
    const ids = new Set(stormIds);
    return new Storm({
      users: this.#users.users.filter(({ plan }) => ids.has(plan.id)),
      isPublishingCut: config.publish === "socket",
      signal: this.#users.signal,
      clock: this.#clock,
      random: seededRandom(seed),
      sentBySender,
      window,
      refused: this.#refused,
      cut: (user) => this.#users.cut(user),
      reconnect: (user) => this.#users.comeBack(user),
    });
  }

  /** No longer expects messages that the server has refused. */
  #waiveRefused(): void {
    this.#refused.take((message) => this.#users.receivers.forEach((each) => each.waive(message)));
  }

  /** Waits until the users of the storm are back, but at most for `--drain-timeout`. */
  async #awaitStorm(): Promise<void> {
    const over = new AbortController();
    const { drainTimeoutMs } = this.#options.config;
    await Promise.race([this.#storm?.over, delay(drainTimeoutMs, over.signal)]);
    over.abort();
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

  #acked({ plannedUs, lateUs }: PendingMessage): void {
    if (plannedUs < this.#steadyFromUs) return;
    const us = this.#clock.lastMs * 1000 - plannedUs;
    this.#sender.ack.record(us);
    this.#sender.rawAck.record(us - lateUs);
  }
}
