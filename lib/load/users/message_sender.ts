import { delay } from "../delay.ts";
import type { RunClock } from "../measure/clock.ts";
import { LatencyBins } from "../measure/latency_bins.ts";
import { MARKER_LIMITS } from "../measure/marker.ts";
import { MarkedMessage } from "../measure/message.ts";
import { periodMs } from "../measure/schedule.ts";
import { StageBins } from "../measure/stage_results.ts";
import { sendOnSchedule } from "../pace/open_loop.ts";
import { sharedPacer } from "../pace/pacer.ts";
import { PreciseWait } from "../pace/precise_wait.ts";
import { type RatePlan, ratePlanOf } from "../pace/rate_plan.ts";
import { seededRandom } from "../seeded_random.ts";
import { SenderTurns } from "./sender_turns.ts";
import type { User } from "./user_pool.ts";
import type { SendPlan, WorkerOptions } from "./worker.ts";

/** Sends a worker's share of the messages, each with its marker. */
export class MessageSender implements Disposable {
  readonly #options: WorkerOptions;
  readonly #clock: RunClock;
  readonly #signal: AbortSignal;
  readonly #message: MarkedMessage;
  readonly #ratePlan: RatePlan;
  /** undefined if users send at their intervals, which needs no such precision. */
  readonly #wait: PreciseWait | undefined;
  /** From when a message was due to when it was sent, in the steady phase. */
  readonly slip = new LatencyBins();
  /** The messages and deliveries of each stage; undefined without `--stage`. */
  stages: StageBins | undefined;
  /** How many messages were sent. */
  sent = 0;
  /** How many were due but not sent: no sender was connected, or the server did not read. */
  disconnected = 0;
  blocked = 0;
  #steadyMs = Infinity;

  /** @param signal Aborting it ends the sending. */
  constructor(options: WorkerOptions, clock: RunClock, signal: AbortSignal) {
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    this.#message = new MarkedMessage(options.config.message, options.config.size);
    this.#ratePlan = ratePlanOf(options.config);
    this.#wait = this.#ratePlan.pacer && new PreciseWait();
  }

  /** How long the thread was busy waiting. */
  get spunMs(): number {
    return this.#wait?.spunMs ?? 0;
  }

  /** Sends until the plan ends: at its rate, or if that is 0, each user at its interval. */
  async send(plan: SendPlan, users: readonly User[]): Promise<void> {
    const senders = users.filter(({ plan }) => plan.sender >= 0);
    const { pacer, stages } = this.#ratePlan;
    const wait = this.#wait;
    this.#steadyMs = plan.steadyMs;
    if (stages.length > 0) this.stages = new StageBins(stages, plan.steadyMs);
    if (!senders.some(({ connection }) => connection)) return;
    if (!pacer || !wait) {
      await Promise.all(senders.map((user) => this.#sendAtIntervals(user, plan)));
      return delay(plan.endMs - this.#clock.nowMs, this.#signal);
    }
    const { config: { skew }, seed } = this.#options;
    const turns = new SenderTurns(senders, { skew, random: seededRandom(seed) });
    await wait.ready;
    await sendOnSchedule({
      pacer: sharedPacer(pacer, { part: plan.part, offset: this.#options.index }),
      startMs: plan.startMs,
      endMs: plan.endMs,
      signal: this.#signal,
      send: (dueMs) => {
        const user = turns.next();
        if (user) this.#sendAs(user, dueMs);
        else this.disconnected++;
      },
      nowMs: () => this.#clock.nowMs,
      wait: (ms) => wait.wait(ms),
    });
  }

  [Symbol.dispose](): void {
    this.#wait?.[Symbol.dispose]();
  }

  async #sendAtIntervals(user: User, { startMs, endMs }: SendPlan): Promise<void> {
    const period = periodMs(user.plan.id, this.#options.config);
    for (let dueMs = startMs + period; dueMs < endMs; dueMs += period) {
      await delay(dueMs - this.#clock.nowMs, this.#signal);
      if (this.#signal.aborted) return;
      if (user.connection?.isOpen) this.#sendAs(user, dueMs);
      else this.disconnected++;
    }
  }

  #sendAs({ plan: { id, name, sender }, connection }: User, dueMs: number): void {
    if (connection!.isBlocked) return void this.blocked++;
    const { run, sentBySender, startEpochMs } = this.#options;
    const plannedUs = Math.floor(dueMs * 1000);
    const lateUs = Math.max(0, Math.floor(this.#clock.nowMs * 1000) - plannedUs);
    const seq = sentBySender[sender]!++;
    const message = this.#message.encode(
      { id, name, seq: seq + 1, epochMs: startEpochMs + plannedUs / 1000 },
      { run, sender, seq, plannedUs, lateUs: Math.min(lateUs, MARKER_LIMITS.lateUs) },
    );
    connection!.sendText(message);
    this.sent++;
    if (dueMs < this.#steadyMs) return;
    this.slip.record(lateUs);
    this.stages?.recordSent(plannedUs);
  }
}
