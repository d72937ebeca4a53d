import type { ChatCounters } from "../counters.ts";
import type { Scheduler } from "../scheduler.ts";
import { BatchTiming } from "./batch_timing.ts";
import type { Cursor } from "./cursor.ts";
import type { MessageLog } from "./message_log.ts";

/** A sweep stops waiting for its deliveries when none has ended for this long, in milliseconds. */
const PATIENCE_MS = 10;

/** The maximum that one sweep delivers to a reader before the next reader has its turn. */
const MAX_SERVED_BYTES = 256 * 1024;

/** A reader as the broadcast sees it. */
export interface BroadcastReader {
  /** How far into the log it has been served. */
  readonly cursor: Cursor;
  /**
   * Sends whole frames of the log.
   *
   * @returns True if the reader can take more now. Otherwise it calls
   * {@linkcode Broadcast.onDelivered} later, when it can take more or has disconnected.
   */
  deliver(frames: Uint8Array): boolean;
  /**
   * Called when the log has dropped frames that the reader has not been served. Moves the cursor
   * on, or closes the reader.
   *
   * @returns Whether the reader stays.
   */
  handleLost(): boolean;
}

/** What a {@linkcode Broadcast} needs. */
export interface BroadcastOptions extends Scheduler {
  /** Senders are held back while even the fastest reader is a quarter of this behind. */
  readonly logRetentionBytes: number;
  readonly counters: ChatCounters;
}

/**
 * The fan-out of a log: brings the cursors of all readers to the head, one sweep at a time.
 *
 * ```text
 * append ─▶ defer ─▶ sweep: a delivery to each reader that is behind ─▶ all ended ─▶ next sweep
 *                      └─ no delivery has ended for 10 ms: the rest continue alone ────┘
 * ```
 *
 * There is only one sweep at a time. If each reader started its next write as soon as the last one
 * ended, the server would rarely read, and senders would wait for hundreds of milliseconds. If a
 * delivery takes longer than its sweep, as to a stalled reader, the others do not wait for it. Its
 * reader continues alone, and rejoins the sweeps when it has caught up.
 */
export class Broadcast {
  readonly log: MessageLog;
  readonly #options: BroadcastOptions;
  readonly #counters: ChatCounters;
  readonly #readers = new Set<BroadcastReader>();
  /** Whether there may be frames to deliver that the sweep under way does not see. */
  #isNeeded = false;
  #isScheduled = false;
  /** Deliveries under way. */
  #busyCount = 0;
  /** The deliveries under way that the current sweep waits for. */
  #awaitedCount = 0;
  /** Awaited deliveries that have ended, in all sweeps. */
  #endedCount = 0;
  #isWatched = false;
  /** The furthest offset that a reader has been served up to. */
  #servedUpTo = 0;
  #backlog: PromiseWithResolvers<void> | undefined;
  #sweepEnd: PromiseWithResolvers<void> | undefined;
  /** Times the batch that waits, or that the current sweep delivers. */
  #timing: BatchTiming | undefined;

  constructor(log: MessageLog, options: BroadcastOptions) {
    this.log = log;
    this.#options = options;
    this.#counters = options.counters;
    log.unservedFrom = log.head;
  }

  /** The number of readers. */
  get size(): number {
    return this.#readers.size;
  }

  /**
   * Resolves when senders may be read from again; undefined if they may be read from now.
   *
   * Without this, a sender that is faster than every reader would push all of them out of the
   * retained log. With it, TCP slows the sender down to the pace of the fastest reader.
   */
  get backlog(): Promise<void> | undefined {
    return this.#backlog?.promise;
  }

  /** The bytes that the slowest reader has not been served. Takes a while: it asks each reader. */
  get maxLagBytes(): number {
    const lags = this.#readers.values().map(({ cursor }) =>
      cursor.isBehind ? this.log.head - cursor.offset : 0
    );
    return lags.reduce((max, lag) => Math.max(max, lag), 0);
  }

  /** Schedules a sweep for a message that was just appended. It may be timed. */
  onAppended(defer: Scheduler["defer"]): void {
    if (!this.#isNeeded && this.#counters.isBatchTimed() && this.#readers.size > 0) {
      this.#timing ??= new BatchTiming(this.#counters, this.log.messageCount);
    }
    this.request(defer);
  }

  /**
   * Schedules a sweep, for example after an event was appended.
   *
   * @param defer Runs the sweep, if none is scheduled.
   */
  request(defer: Scheduler["defer"] = this.#options.defer): void {
    this.#isNeeded = true;
    if (this.#isBackedUp) this.#backlog ??= Promise.withResolvers();
    this.#schedule(defer);
  }

  /** Adds a reader, which may be the fastest. */
  add(reader: BroadcastReader): void {
    this.#readers.add(reader);
    this.log.unservedFrom = Math.min(this.log.unservedFrom, reader.cursor.offset);
    this.#advance(reader.cursor.offset);
  }

  /** Removes a reader. Removing it twice is harmless. */
  remove(reader: BroadcastReader): void {
    if (!this.#readers.delete(reader)) return;
    const { phase } = reader.cursor;
    reader.cursor.phase = "gone";
    if (phase !== "idle") this.#busyCount--;
    if (phase === "awaited" && --this.#awaitedCount === 0) this.#endSweep();
    // The remaining readers may all be up to date, so that senders need not be held back.
    if (this.#backlog) this.request();
  }

  /**
   * Whether every reader that keeps up has been served everything. Readers on their own do not
   * count.
   */
  get isFlushed(): boolean {
    return this.#isServedUpTo(this.log.head);
  }

  /**
   * Resolves when every reader that keeps up has been served all frames that are in the log now.
   */
  async flushed(): Promise<void> {
    const { head } = this.log;
    while (!this.#isServedUpTo(head)) {
      this.#sweepEnd ??= Promise.withResolvers();
      this.request();
      await this.#sweepEnd.promise;
    }
  }

  #isServedUpTo(head: number): boolean {
    const isServed = ({ cursor }: BroadcastReader) =>
      cursor.phase !== "idle" || !cursor.isBehind || cursor.offset >= head;
    return this.#awaitedCount === 0 && this.#readers.values().every(isServed);
  }

  #schedule(defer: Scheduler["defer"]): void {
    if (!this.#isNeeded || this.#isScheduled || this.#awaitedCount > 0) return;
    this.#isScheduled = true;
    defer(this.#sweep);
  }

  readonly #sweep = () => {
    this.#isScheduled = false;
    // A reader that was closed within the last sweep may have scheduled this one too early.
    if (this.#awaitedCount > 0) return;
    this.#isNeeded = false;
    this.#timing?.start(this.log.messageCount);
    let unservedFrom = this.log.head;
    for (const reader of this.#readers) {
      const { cursor } = reader;
      if (cursor.phase === "idle") {
        if (this.#serve(reader, "awaited")) this.#awaitedCount++;
        unservedFrom = Math.min(unservedFrom, cursor.offset);
      } else if (cursor.isLost) reader.handleLost();
    }
    this.log.unservedFrom = unservedFrom;
    if (this.#busyCount === 0 && !this.#isNeeded) this.#advance(this.log.head);
    if (this.#awaitedCount > 0) this.#watch();
    else this.#endSweep();
  };

  /**
   * Delivers the frames that a reader has not been served, up to a limit.
   *
   * @returns True if a delivery is still under way; otherwise there may be more to deliver.
   */
  #serve(reader: BroadcastReader, phase: "awaited" | "alone"): boolean {
    const { cursor } = reader;
    if (cursor.isLost && !reader.handleLost()) return false;
    for (let leftBytes = MAX_SERVED_BYTES; leftBytes > 0;) {
      const frames = cursor.take();
      if (!frames) return false;
      leftBytes -= frames.length;
      this.#counters.sentBytes += frames.length;
      if (!reader.deliver(frames)) {
        // The delivery may have failed, and removed the reader.
        if (cursor.phase === "gone") return false;
        cursor.phase = phase;
        this.#busyCount++;
        return true;
      }
      this.#advance(cursor.offset);
    }
    this.#isNeeded ||= cursor.isBehind;
    return false;
  }

  /** Called when a delivery has ended later than within its call. */
  onDelivered(reader: BroadcastReader): void {
    const { cursor } = reader;
    const { phase, isBehind } = cursor;
    if (phase === "gone") return;
    cursor.phase = "idle";
    this.#busyCount--;
    this.#advance(cursor.offset);
    if (phase === "awaited") {
      this.#endedCount++;
      this.#isNeeded ||= isBehind;
      if (--this.#awaitedCount === 0) this.#endSweep();
    } else if (isBehind && !this.#serve(reader, "alone")) this.#schedule(this.#options.deferTurn);
  }

  #endSweep(): void {
    this.#sweepEnd?.resolve();
    this.#sweepEnd = undefined;
    if (this.#timing?.end()) this.#timing = undefined;
    this.#schedule(this.#options.deferTurn);
  }

  #advance(servedUpTo: number): void {
    this.#servedUpTo = Math.max(this.#servedUpTo, servedUpTo);
    if (!this.#backlog || this.#isBackedUp) return;
    this.#backlog.resolve();
    this.#backlog = undefined;
  }

  /** Whether even the fastest reader is far behind. */
  get #isBackedUp(): boolean {
    return this.log.head - this.#servedUpTo > this.#options.logRetentionBytes / 4;
  }

  /**
   * Watches the current sweep. If no delivery has ended for a while, the sweep stops waiting for
   * the rest.
   */
  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const endedBefore = this.#endedCount;
    this.#options.startTimer(() => {
      this.#isWatched = false;
      if (this.#awaitedCount === 0) return;
      if (this.#endedCount > endedBefore) return this.#watch();
      for (const { cursor } of this.#readers) {
        if (cursor.phase === "awaited") cursor.phase = "alone";
      }
      this.#awaitedCount = 0;
      this.#endSweep();
    }, PATIENCE_MS);
  }
}
