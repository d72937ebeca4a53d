import { speaksChorus } from "../config.ts";
import { delay } from "../delay.ts";
import { type AckCounts, NO_ACKS } from "../measure/acks.ts";
import type { RunClock } from "../measure/clock.ts";
import { LatencyBins } from "../measure/latency_bins.ts";
import { MARKER_LIMITS } from "../measure/ledger/marker.ts";
import { MarkedMessage } from "../measure/message.ts";
import { periodMs } from "../measure/schedule.ts";
import { StageBins } from "../measure/stage_results.ts";
import { sendOnSchedule } from "../pace/open_loop.ts";
import { sharedPacer } from "../pace/pacer.ts";
import { PreciseWait } from "../pace/precise_wait.ts";
import { type RatePlan, ratePlanOf } from "../pace/rate_plan.ts";
import { SentWindow } from "../measure/ledger/sent_window.ts";
import { seededRandom } from "../seeded_random.ts";
import type { ChorusUser } from "./chorus_v1/chorus_user.ts";
import type { PendingMessage } from "./chorus_v1/pending_messages.ts";
import { SayMessage } from "./chorus_v1/say_message.ts";
import type { Connection } from "./connection/connect.ts";
import { type DueMessage, HttpPublisher } from "./http/http_publisher.ts";
import { SenderTurns } from "./sender_turns.ts";
import type { UserPlan } from "./user_plan.ts";
import type { User } from "./user.ts";
import type { SendPlan, WorkerOptions } from "./worker.ts";

/** Sends a worker's share of the messages, each with its marker. */
export class MessageSender implements Disposable {
  readonly #options: WorkerOptions;
  readonly #clock: RunClock;
  readonly #signal: AbortSignal;
  readonly #message: MarkedMessage | SayMessage;
  readonly #window: SentWindow | undefined;
  readonly #ratePlan: RatePlan;
  /** undefined if users send at their intervals, which needs no such precision. */
  readonly #wait: PreciseWait | undefined;
  /** From when a message was due to when it was sent, in the steady phase. */
  readonly slip = new LatencyBins();
  /** From when a message was due to its ack, and from when it was sent, in the steady phase. */
  readonly ack = new LatencyBins();
  readonly rawAck = new LatencyBins();
  /** Publishes over HTTP; undefined if each sender sends over its own connection. */
  readonly #publisher: HttpPublisher | undefined;
  /** The messages and deliveries of each stage; undefined without `--stage`. */
  stages: StageBins | undefined;
  /** How many messages were sent. */
  sent = 0;
  /** How many were sent once more, because their ack had not arrived before a reconnect. */
  publishedAgain = 0;
  /** How many were due but not sent: no sender was connected, or the server did not read. */
  disconnected = 0;
  blocked = 0;
  #steadyMs = Infinity;

  /**
   * @param signal Aborting it ends the sending.
   * @param printNotice Takes notices for the user of the client.
   */
  constructor(
    options: WorkerOptions,
    clock: RunClock,
    signal: AbortSignal,
    printNotice: (line: string) => void,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#signal = signal;
    const { config, target, window, sentBySender } = options;
    const isSay = speaksChorus(config) && config.publish === "socket";
    const Message = isSay ? SayMessage : MarkedMessage;
    this.#message = new Message(config.message, config.size);
    this.#window = window && new SentWindow(window, sentBySender.length);
    this.#ratePlan = ratePlanOf(config);
    this.#wait = this.#ratePlan.pacer && new PreciseWait();
    if (config.publish === "socket") return;
    const publisher = this.#publisher = new HttpPublisher({
      target,
      sentBySender,
      encode: (message) => this.#encode(message),
      onAcked: ({ dueMs, lateUs }) => {
        if (dueMs < this.#steadyMs) return;
        const us = (clock.nowMs - dueMs) * 1000;
        this.ack.record(us);
        this.rawAck.record(us - lateUs);
      },
      onNotice: printNotice,
    });
    signal.addEventListener("abort", () => this.#unsend(publisher.drop()), { once: true });
  }

  /** Resolves when it can send on time. Rejects if it cannot, because a thread failed. */
  get ready(): Promise<void> {
    return this.#wait?.ready ?? Promise.resolve();
  }

  /** How long the thread was busy waiting. */
  get spunMs(): number {
    return this.#wait?.spunMs ?? 0;
  }

  /** What the server answered so far to messages that were published over HTTP. */
  get acks(): AckCounts {
    return this.#publisher?.acks ?? NO_ACKS;
  }

  /** How many messages are not yet answered. */
  get pending(): number {
    return this.#publisher?.pending ?? 0;
  }

  /** Ends the connections over which messages are published. */
  close(): void {
    this.#unsend(this.#publisher?.close() ?? 0);
  }

  /**
   * Sends until the plan ends: at its rate, or if that is 0, each user at its interval. It must be
   * {@linkcode ready}.
   */
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

  /** Publishes a user's messages again that have no ack, after it has reconnected. */
  publishAgain({ plan, connection, chorus }: User): void {
    for (const message of chorus!.pending) {
      (connection as Connection).sendAlways(this.#make(plan, message));
      this.publishedAgain++;
    }
  }

  #sendAs({ plan, connection, chorus }: User, dueMs: number): void {
    const lateUs = Math.max(0, Math.floor(this.#clock.nowMs * 1000) - Math.floor(dueMs * 1000));
    const message: DueMessage = { plan, dueMs, lateUs };
    if (this.#publisher) {
      if (!this.#publisher.publish(message)) return void this.blocked++;
    } else {
      // Users with an event stream do not send.
      const socket = connection as Connection;
      if (socket.isBlocked) return void this.blocked++;
      socket.sendText(this.#encode(message, chorus));
    }
    this.sent++;
    if (dueMs < this.#steadyMs) return;
    this.slip.record(lateUs);
    this.stages?.recordSent(Math.floor(dueMs * 1000));
  }

  /** Makes the next message of a user. */
  #encode({ plan, dueMs, lateUs }: DueMessage, chorus?: ChorusUser): Uint8Array {
    const { sender } = plan;
    const seq = this.#options.sentBySender[sender]!++;
    this.#window?.onSent(sender, seq);
    const plannedUs = Math.floor(dueMs * 1000);
    const message = { seq, plannedUs, lateUs: Math.min(lateUs, MARKER_LIMITS.lateUs) };
    chorus?.pending.add(message);
    return this.#make(plan, message);
  }

  /** Messages that waited for the server were not sent. */
  #unsend(count: number): void {
    this.sent -= count;
    this.blocked += count;
  }

  /** Makes a message. The second time, it is the same. */
  #make({ id, name, sender }: UserPlan, message: PendingMessage): Uint8Array {
    const { run, startEpochMs } = this.#options;
    const epochMs = startEpochMs + message.plannedUs / 1000;
    return this.#message.encode(
      { id, name, seq: message.seq + 1, epochMs },
      { run, sender, ...message },
    );
  }
}
