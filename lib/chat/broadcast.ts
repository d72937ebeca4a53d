import type { Member } from "./member.ts";
import type { MessageLog } from "./message_log.ts";

/** How long a sweep waits while not one of its deliveries ends, in milliseconds. */
const PATIENCE_MS = 10;

/** What a broadcast needs from its room. */
export interface BroadcastOptions<M extends Member> {
  readonly log: MessageLog;
  readonly members: ReadonlySet<M>;
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  /** Runs a function after this many milliseconds. */
  readonly startTimer: (run: () => void, ms: number) => void;
  /**
   * Decides about a member of which the log has dropped something it has not been served: true if it stays, with its cursor
   * moved on, and false if it has been given up.
   */
  readonly keepsLost: (member: M) => boolean;
  /** How many bytes of the log even the fastest member may be behind before the senders are held back. */
  readonly maxBacklogBytes: number;
}

/**
 * The flush: brings every member's cursor to the head of the log, a sweep at a time.
 *
 * ```text
 * append ─▶ defer ─▶ sweep: one delivery for each member that is behind ─▶ all ended ─▶ defer ─▶ next sweep, if needed
 *                      └─ no delivery ended for a while: those left are on their own ───┘
 * ```
 *
 * One sweep at a time: without that, members that refill themselves as soon as their write ends would keep the reads from
 * being let in, and senders would wait for hundreds of milliseconds. A delivery that outlives its sweep, as a stalled
 * reader's does, holds nobody up: its member goes on on its own, and joins the sweeps again when it has caught up.
 *
 * Nobody starves: a delivery is at most a chunk of the log, and a sweep one delivery for each.
 */
export class Broadcast<M extends Member> {
  readonly #options: BroadcastOptions<M>;
  /** Whether there may be something to deliver that the sweep under way does not see. */
  #isNeeded = false;
  #isScheduled = false;
  /** The members to which a delivery is under way. */
  readonly #busy = new Set<M>();
  /** Those of them that the sweep under way waits for; the others are on their own. */
  readonly #awaited = new Set<M>();
  /** How many awaited deliveries have ended, in all sweeps. */
  #ended = 0;
  #isWatched = false;
  /** How far the fastest member has been served that had something to be served. */
  #servedUpTo = 0;
  #backlog: PromiseWithResolvers<void> | undefined;
  #sweepEnd: PromiseWithResolvers<void> | undefined;

  constructor(options: BroadcastOptions<M>) {
    this.#options = options;
  }

  /**
   * Resolves when the backlog is short enough for senders to be read from again; undefined if it is.
   *
   * Without that, a sender that is faster than every reader would push them all out of the log's retention, one after the
   * other. With it, the sender's own TCP connection slows it down to the pace of the fastest reader.
   */
  get backlog(): Promise<void> | undefined {
    return this.#backlog?.promise;
  }

  /** Tells that the log has grown, or that a member has gone. */
  request(): void {
    this.#isNeeded = true;
    const { log, maxBacklogBytes } = this.#options;
    if (log.head - this.#servedUpTo > maxBacklogBytes) {
      this.#backlog ??= Promise.withResolvers();
    }
    this.#schedule();
  }

  /** Tells that a member has come. It is at the head, and so may be the fastest. */
  joined({ cursor }: M): void {
    this.#advance(cursor.position);
    this.request();
  }

  /** Resolves when all who keep up have been served what has been said so far; who is on its own is not waited for. */
  async flushed(): Promise<void> {
    const { log: { head }, members } = this.#options;
    const isServed = (member: M) =>
      this.#busy.has(member) || !member.cursor.isBehind || member.cursor.position >= head;
    while (this.#awaited.size > 0 || ![...members].every(isServed)) {
      this.#sweepEnd ??= Promise.withResolvers();
      this.request();
      await this.#sweepEnd.promise;
    }
  }

  #schedule(): void {
    if (!this.#isNeeded || this.#isScheduled || this.#awaited.size > 0) return;
    this.#isScheduled = true;
    this.#options.defer(() => this.#sweep());
  }

  #sweep(): void {
    this.#isScheduled = false;
    this.#isNeeded = false;
    const { log, members, keepsLost } = this.#options;
    for (const member of members) {
      if (!this.#busy.has(member)) {
        if (this.#serve(member)) this.#awaited.add(member);
      } else if (member.cursor.isLost) keepsLost(member);
    }
    if (this.#busy.size === 0) this.#advance(log.head);
    if (this.#awaited.size > 0) this.#watch();
    else this.#endSweep();
  }

  /** Starts a delivery, if there is something to deliver. */
  #serve(member: M): boolean {
    const { cursor } = member;
    if (cursor.isLost && !this.#options.keepsLost(member)) return false;
    const frames = cursor.take();
    if (!frames) return false;
    const servedUpTo = cursor.position;
    this.#busy.add(member);
    member.deliver(frames).then(() => this.#delivered(member, servedUpTo));
    return true;
  }

  #delivered(member: M, servedUpTo: number): void {
    this.#busy.delete(member);
    this.#advance(servedUpTo);
    const isAwaited = this.#awaited.delete(member);
    const isBehind = this.#options.members.has(member) && member.cursor.isBehind;
    if (isAwaited) {
      this.#ended++;
      this.#isNeeded ||= isBehind;
      if (this.#awaited.size === 0) this.#endSweep();
    } else if (isBehind) this.#serve(member);
  }

  #endSweep(): void {
    this.#sweepEnd?.resolve();
    this.#sweepEnd = undefined;
    this.#schedule();
  }

  #advance(servedUpTo: number): void {
    this.#servedUpTo = Math.max(this.#servedUpTo, servedUpTo);
    const { log, maxBacklogBytes } = this.#options;
    if (!this.#backlog || log.head - this.#servedUpTo > maxBacklogBytes) return;
    this.#backlog.resolve();
    this.#backlog = undefined;
  }

  /** Looks after the sweep under way until it ends; once nothing has ended for a while, it lets go of what is left. */
  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const endedBefore = this.#ended;
    this.#options.startTimer(() => {
      this.#isWatched = false;
      if (this.#awaited.size === 0) return;
      if (this.#ended > endedBefore) return this.#watch();
      this.#awaited.clear();
      this.#endSweep();
    }, PATIENCE_MS);
  }
}
