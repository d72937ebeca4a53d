import { delay } from "../delay.ts";
import type { RefusedMessages } from "../measure/ledger/refused_messages.ts";
import type { SentWindow } from "../measure/ledger/sent_window.ts";
import type { StormCounts } from "../measure/storm_summary.ts";
import { increment } from "../measure/summary.ts";
import type { ConnectFailure } from "./connection/connect_failure.ts";
import { backoffMs } from "./connection/connect_schedule.ts";
import type { User } from "./user.ts";

/** How often a {@linkcode Storm} looks which users are up to date. */
const CHECK_INTERVAL_MS = 5;

/** What a {@linkcode Storm} needs. */
export interface StormOptions {
  /** The users to cut off. Those that are not connected at that time are left out. */
  readonly users: readonly User[];
  /** Whether they publish over the connection that is cut. */
  readonly isPublishingCut: boolean;
  /** Aborting it ends the attempts to reconnect. */
  readonly signal: AbortSignal;
  readonly clock: { readonly nowMs: number };
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
  readonly sentBySender: Int32Array;
  readonly window: SentWindow;
  readonly refused: RefusedMessages;
  /** Cuts a user's connection. */
  readonly cut: (user: User) => void;
  /** Tries once to connect a user again. @returns The failure, if it has failed. */
  readonly reconnect: (user: User) => Promise<ConnectFailure | undefined>;
}

/** A user that was cut off. */
interface CutUser {
  readonly user: User;
  /** What its receiver had counted at the cut. */
  readonly missingBefore: number;
  readonly duplicatedBefore: number;
  /** How many messages each sender of its room had sent when it was back. */
  sent: Int32Array | undefined;
  /** Senders below this index have nothing more to come of those. */
  behind: number;
}

/**
 * Cuts off many users at once, which then reconnect as real clients do: each after a random time,
 * and again after longer ones if that fails.
 */
export class Storm {
  readonly #options: StormOptions;
  #cut: readonly CutUser[] = [];
  #cutMs = 0;
  /** Users that are back, and not up to date. */
  readonly #behind = new Set<CutUser>();
  readonly #backMs: number[] = [];
  readonly #upToDateMs: number[] = [];
  readonly #failures = new Map<string, number>();
  /** For each sender that cannot publish again: the first message after the cut. */
  readonly #cutSenders = new Map<number, number>();
  #cutOff = 0;
  #over: Promise<void> = Promise.resolve();

  constructor(options: StormOptions) {
    this.#options = options;
  }

  /** Cuts the users off when it is time. @returns Resolves when all are back and up to date. */
  run(atMs: number): Promise<void> {
    this.#over = this.#run(atMs);
    // It is awaited later. Without this, an earlier failure would count as unhandled.
    this.#over.catch(() => {});
    return this.#over;
  }

  /** Resolves when all users are back and up to date, or have stopped trying. */
  get over(): Promise<void> {
    return this.#over;
  }

  async #run(atMs: number): Promise<void> {
    const { users, signal, clock, cut } = this.#options;
    if (users.length === 0) return;
    await delay(atMs - clock.nowMs, signal);
    if (signal.aborted) return;
    this.#cutMs = clock.nowMs;
    this.#cut = users.filter(({ connection }) => connection?.isOpen).map((user) => {
      cut(user);
      return this.#recordCut(user);
    });
    const timer = setInterval(() => this.#check(), CHECK_INTERVAL_MS);
    await Promise.all(this.#cut.map((each) => this.#comeBack(each)));
    while (this.#behind.size > 0 && !signal.aborted) await delay(CHECK_INTERVAL_MS, signal);
    clearInterval(timer);
  }

  #recordCut(user: User): CutUser {
    const { missingCount, duplicatedCount } = user.receiver!;
    const { sender } = user.plan;
    if (this.#options.isPublishingCut && sender >= 0 && !user.chorus) {
      this.#cutSenders.set(sender, this.#options.sentBySender[sender]!);
    }
    return {
      user,
      missingBefore: missingCount,
      duplicatedBefore: duplicatedCount,
      sent: undefined,
      behind: 0,
    };
  }

  async #comeBack(each: CutUser): Promise<void> {
    const { signal, clock, random, reconnect } = this.#options;
    for (let attempts = 0;; attempts++) {
      await delay(backoffMs(attempts, random()), signal);
      if (signal.aborted) return;
      const failure = await reconnect(each.user);
      if (signal.aborted && each.user.isAway) return;
      if (!failure) break;
      increment(this.#failures, failure.cause);
    }
    this.#backMs.push(clock.nowMs - this.#cutMs);
    each.sent = each.user.receiver!.sentNow;
    if (each.user.chorus) this.#behind.add(each);
  }

  #check(): void {
    for (const each of this.#behind) {
      each.behind = each.user.receiver!.firstBehind(each.sent!, each.behind);
      if (each.behind < each.sent!.length) continue;
      this.#behind.delete(each);
      this.#upToDateMs.push(this.#options.clock.nowMs - this.#cutMs);
    }
  }

  /**
   * Finds the messages that were cut off together with their sender's connection: the last ones
   * before the cut that reached nobody. They are no longer expected.
   *
   * @param isFinal Whether nothing more arrives. Before, only senders are looked at of which
   * something later has arrived.
   */
  findCutOff(isFinal: boolean): void {
    const { window, refused } = this.#options;
    for (const [sender, until] of this.#cutSenders) {
      if (!isFinal && !window.isReached(sender, until)) continue;
      this.#cutSenders.delete(sender);
      for (let seq = until - 1; seq >= window.firstOf(until); seq--) {
        if (window.isReached(sender, seq)) break;
        refused.add(sender, seq);
        this.#cutOff++;
      }
    }
  }

  /** What happened so far. @param publishedAgain How many messages were published again. */
  counts(publishedAgain: number): StormCounts {
    this.#check();
    const sum = (count: (each: CutUser) => number) =>
      this.#cut.reduce((sum, each) => sum + Math.max(0, count(each)), 0);
    return {
      cut: this.#cut.length,
      backMs: this.#backMs,
      upToDateMs: this.#upToDateMs,
      lost: sum(({ user, sent, missingBefore }) =>
        user.chorus && sent ? user.receiver!.missingOf(sent) - missingBefore : 0
      ),
      missed: sum(({ user }) => user.receiver!.missedCount),
      duplicated: sum(({ user, sent, duplicatedBefore }) =>
        sent ? user.receiver!.duplicatedCount - (user.chorus ? duplicatedBefore : 0) : 0
      ),
      cutOff: this.#cutOff,
      publishedAgain,
      failures: this.#failures,
    };
  }
}
