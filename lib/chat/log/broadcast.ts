import type { Cursor, MessageLog } from "./message_log.ts";

/** How long a sweep waits while not one of its deliveries ends, in milliseconds. */
const PATIENCE_MS = 10;

/** How much a sweep delivers to one member before the next has its turn, if the member takes everything at once. */
const MAX_SERVED_BYTES = 256 * 1024;

/** What a broadcast serves. */
export interface Served {
  /** How far into the log it has been served. */
  readonly cursor: Cursor;
  /**
   * Sends whole frames out of the log.
   *
   * @param onDelivered Called when it can take more, or is gone, if that is later.
   * @returns Whether that is so already, and `onDelivered` not called.
   */
  deliver(frames: Uint8Array, onDelivered: () => void): boolean;
}

/** What a broadcast needs from its room. */
export interface BroadcastOptions<M extends Served> {
  readonly log: MessageLog;
  /** Runs a function once the reads that are ready have been let in. */
  readonly defer: (run: () => void) => void;
  /** Runs a function after this many milliseconds. */
  readonly startTimer: (run: () => void, ms: number) => void;
  /**
   * Decides about a member of which the log has dropped something it has not been served: true if it stays, with its cursor
   * moved on, and false if it has been given up.
   */
  readonly handleSlowReader: (member: M) => boolean;
  /** How many bytes of the log even the fastest member may be behind before the senders are held back. */
  readonly maxBacklogBytes: number;
}

/**
 * The flush: brings every member's cursor to the head of the log, a sweep at a time.
 *
 * ```text
 * append ─▶ defer ─▶ sweep: deliveries to each member that is behind ─▶ all ended ─▶ defer ─▶ next sweep, if needed
 *                      └─ no delivery ended for a while: those left are on their own ───┘
 * ```
 *
 * One sweep at a time: without that, members that refill themselves as soon as their write ends would keep the reads from
 * being let in, and senders would wait for hundreds of milliseconds. A delivery that outlives its sweep, as a stalled
 * reader's does, holds nobody up: its member goes on on its own, and joins the sweeps again when it has caught up.
 *
 * Nobody starves: there is a limit to what a sweep delivers to each.
 */
export class Broadcast<M extends Served> {
  readonly #options: BroadcastOptions<M>;
  readonly #readers = new Map<M, Reader<M>>();
  /** Whether there may be something to deliver that the sweep under way does not see. */
  #isNeeded = false;
  #isScheduled = false;
  /** How many deliveries are under way. */
  #busyCount = 0;
  /** For how many of them the sweep under way waits; the others are on their own. */
  #awaitedCount = 0;
  /** How many awaited deliveries have ended, in all sweeps. */
  #endedCount = 0;
  #isWatched = false;
  /** How far the fastest member has been served that had something to be served. */
  #servedUpTo = 0;
  #backlog: PromiseWithResolvers<void> | undefined;
  #sweepEnd: PromiseWithResolvers<void> | undefined;

  constructor(options: BroadcastOptions<M>) {
    this.#options = options;
  }

  /** How many members it serves. */
  get size(): number {
    return this.#readers.size;
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

  /** Tells that the log has grown. */
  request(): void {
    this.#isNeeded = true;
    const { log, maxBacklogBytes } = this.#options;
    if (log.head - this.#servedUpTo > maxBacklogBytes) {
      this.#backlog ??= Promise.withResolvers();
    }
    this.#schedule();
  }

  /** Lets a member in. It may be the fastest. */
  add(member: M): void {
    const reader: Reader<M> = {
      member,
      state: "idle",
      servedUpTo: 0,
      onDelivered: () => this.#delivered(reader),
    };
    this.#readers.set(member, reader);
    this.#advance(member.cursor.position);
  }

  /** Takes a member out; removing twice is harmless. */
  remove(member: M): void {
    const reader = this.#readers.get(member);
    if (!reader) return;
    this.#readers.delete(member);
    const { state } = reader;
    reader.state = "gone";
    if (state !== "idle") this.#busyCount--;
    if (state === "awaited" && --this.#awaitedCount === 0) this.#endSweep();
    // The others may all be up to date, and nothing hold the senders back any more.
    if (this.#backlog) this.request();
  }

  /** Whether all who keep up have been served what has been said so far; who is on its own does not count. */
  get isFlushed(): boolean {
    return this.#isServedUpTo(this.#options.log.head);
  }

  /** Resolves when what has been said until now has been served to all who keep up. */
  async flushed(): Promise<void> {
    const { head } = this.#options.log;
    while (!this.#isServedUpTo(head)) {
      this.#sweepEnd ??= Promise.withResolvers();
      this.request();
      await this.#sweepEnd.promise;
    }
  }

  #isServedUpTo(head: number): boolean {
    const isServed = ({ state, member: { cursor } }: Reader<M>) =>
      state !== "idle" || !cursor.isBehind || cursor.position >= head;
    return this.#awaitedCount === 0 && this.#readers.values().every(isServed);
  }

  #schedule(): void {
    if (!this.#isNeeded || this.#isScheduled || this.#awaitedCount > 0) return;
    this.#isScheduled = true;
    this.#options.defer(() => this.#sweep());
  }

  #sweep(): void {
    this.#isScheduled = false;
    // A member that was given up within the last sweep may have asked for this one before that had begun to wait.
    if (this.#awaitedCount > 0) return;
    this.#isNeeded = false;
    const { log, handleSlowReader } = this.#options;
    for (const reader of this.#readers.values()) {
      if (reader.state === "idle") {
        if (this.#serve(reader, "awaited")) this.#awaitedCount++;
      } else if (reader.member.cursor.isLost) handleSlowReader(reader.member);
    }
    if (this.#busyCount === 0 && !this.#isNeeded) this.#advance(log.head);
    if (this.#awaitedCount > 0) this.#watch();
    else this.#endSweep();
  }

  /**
   * Delivers what there is to deliver, up to a limit.
   *
   * @returns Whether that goes on when this returns; if not, there may be more to deliver.
   */
  #serve(reader: Reader<M>, state: "awaited" | "alone"): boolean {
    const { member } = reader;
    const { cursor } = member;
    if (cursor.isLost && !this.#options.handleSlowReader(member)) return false;
    for (let left = MAX_SERVED_BYTES; left > 0;) {
      const frames = cursor.take();
      if (!frames) return false;
      left -= frames.length;
      reader.servedUpTo = cursor.position;
      if (!member.deliver(frames, reader.onDelivered)) {
        reader.state = state;
        this.#busyCount++;
        return true;
      }
      this.#advance(reader.servedUpTo);
    }
    this.#isNeeded ||= cursor.isBehind;
    return false;
  }

  #delivered(reader: Reader<M>): void {
    const { member, state } = reader;
    if (state === "gone") return;
    reader.state = "idle";
    this.#busyCount--;
    this.#advance(reader.servedUpTo);
    const { isBehind } = member.cursor;
    if (state === "awaited") {
      this.#endedCount++;
      this.#isNeeded ||= isBehind;
      if (--this.#awaitedCount === 0) this.#endSweep();
    } else if (isBehind && !this.#serve(reader, "alone")) this.#schedule();
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
    const endedBefore = this.#endedCount;
    this.#options.startTimer(() => {
      this.#isWatched = false;
      if (this.#awaitedCount === 0) return;
      if (this.#endedCount > endedBefore) return this.#watch();
      for (const reader of this.#readers.values()) {
        if (reader.state === "awaited") reader.state = "alone";
      }
      this.#awaitedCount = 0;
      this.#endSweep();
    }, PATIENCE_MS);
  }
}

/**
 * A member as the sweeps see it.
 *
 * ```text
 * idle ──a sweep serves it──▶ awaited ──its delivery ends──▶ idle
 *                                └─it outlives its sweep──▶ alone ──its deliveries end──▶ idle
 * any of them ──it leaves──▶ gone
 * ```
 */
interface Reader<M> {
  readonly member: M;
  state: "idle" | "awaited" | "alone" | "gone";
  /** Where the delivery under way ends. */
  servedUpTo: number;
  readonly onDelivered: () => void;
}
