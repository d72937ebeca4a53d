import { type ConsumerMessages, DeliverPolicy, type JsMsg } from "@nats-io/jetstream";
import type { BackplaneCounters } from "../../chat/backplane.ts";
import { ROOM_SUBJECTS } from "./room_subject.ts";
import { STREAM } from "./stream_setup.ts";
import type { StreamClients } from "./subject_reader.ts";

/** How many publishes may be under way to this process: 30 MiB of the largest flushes. */
const MAX_UNDER_WAY = 64;

/** NATS sends a sign of life so often, in milliseconds: half of it. */
const EXPIRES_MS = 2000;

/** The pause before the stream is read from again. */
const RESTART_PAUSE_MS = 250;

/** After so many publishes, or bytes, sockets are served. */
const TURN_MESSAGES = 64;
const TURN_BYTES = 1024 ** 2;

/** After this time without progress, NATS is asked whether there is anything to wait for. */
const PROBE_PAUSE_MS = 250;

/** Notifications of nats.js after which the stream is read from again. */
const FAILURES: ReadonlySet<string> = new Set([
  ...["heartbeats_missed", "consumer_deleted", "consumer_not_found", "stream_not_found"],
  ...["no_responders", "reset", "exceeded_limits"],
]);

/** What {@linkcode StreamConsumer} needs. */
export interface StreamConsumerOptions extends StreamClients {
  readonly counters: BackplaneCounters;
  /** Handles the next publish. */
  readonly onPublish: (message: JsMsg) => void | Promise<void>;
  /** The stream cannot be read from for the moment. */
  readonly onFailure: (reason: string) => void;
}

/** Waits until everything up to a sequence number of the stream has been handled. */
interface Waiting {
  readonly seq: number;
  readonly resolve: () => void;
  /** Called if the stream cannot be read. */
  readonly reject?: (reason: Error) => void;
}

/** Reads the whole stream as it grows, in order, and each publish once. */
export class StreamConsumer {
  readonly #options: StreamConsumerOptions;
  #position: number;
  #last: JsMsg | undefined;
  #messages: ConsumerMessages | undefined;
  /** How often the position was set. */
  #jumpCount = 0;
  #isStopped = false;
  /** The waits, lowest position first. */
  readonly #waiting: Waiting[] = [];
  #probeTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param position The stream's sequence number of the last publish not to read. */
  constructor(position: number, options: StreamConsumerOptions) {
    this.#position = position;
    this.#options = options;
  }

  /** The stream's sequence number of the last publish that was handled, or does not exist. */
  get position(): number {
    return this.#position;
  }

  /**
   * Whether the stream has another publish in the place of the last one that was handled: a server
   * was killed before it had written that one.
   *
   * @throws If the stream cannot be read.
   */
  async isReplaced(): Promise<boolean> {
    const { link, manager } = this.#options;
    const last = this.#last;
    if (!last) return false;
    const stored = await link.call(() => manager.streams.getMessage(STREAM, { seq: last.seq }));
    // It may have been deleted.
    return stored !== null && stored.time.getTime() !== last.time.getTime();
  }

  /** Reads until it is stopped. Start it once. */
  async run(): Promise<void> {
    const { link, counters, onFailure } = this.#options;
    for (;;) {
      const jumpCount = this.#jumpCount;
      let reason = "it does not answer";
      try {
        await link.connected();
        await this.#read();
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
      if (this.#isStopped) return;
      if (this.#jumpCount === jumpCount) onFailure(reason);
      counters.restarts++;
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
    }
  }

  /**
   * Reads from another position on. {@linkcode reached} rejects for those that wait; the callbacks
   * of {@linkcode whenReached} are never called.
   */
  restartFrom(position: number): void {
    this.#position = position;
    this.#jumpCount++;
    this.#last = undefined;
    this.interrupt();
    this.#rejectWaiting(new Error("the stream was made anew"));
    this.#waiting.length = 0;
  }

  /** Breaks off, and reads again as soon as there is a connection. */
  interrupt(): void {
    this.#messages?.stop();
  }

  stop(): void {
    this.#isStopped = true;
    this.interrupt();
    this.#rejectWaiting(new Error("the server stops"));
    clearTimeout(this.#probeTimer);
  }

  /**
   * Resolves when everything up to this sequence number of the stream has been handled.
   *
   * @throws If the stream cannot be read.
   */
  reached(seq: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wait({ seq, resolve, reject });
    return promise;
  }

  /** Calls `then` when everything up to this sequence number of the stream has been handled. */
  whenReached(seq: number, then: () => void): void {
    this.#wait({ seq, resolve: then });
  }

  async #read(): Promise<void> {
    const { link, client, counters, onPublish } = this.#options;
    const jumpCount = this.#jumpCount;
    const start = {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.#position + 1,
    };
    const consumer = await link.call(() => client.consumers.get(STREAM, start));
    const consume = { max_messages: MAX_UNDER_WAY, expires: EXPIRES_MS };
    const messages = await consumer.consume(consume);
    this.#messages = messages;
    if (this.#isStopped || this.#jumpCount !== jumpCount) messages.stop();
    this.#watch(messages);
    let count = 0;
    let bytes = 0;
    try {
      for await (const message of messages) {
        if (this.#jumpCount !== jumpCount) return;
        if (message.seq <= this.#position) continue;
        await onPublish(message);
        this.#last = message;
        counters.lag = message.info.pending;
        this.#advance(message.seq);
        bytes += message.data.length;
        if (++count % TURN_MESSAGES === 0 || bytes > TURN_BYTES) {
          bytes = 0;
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    } finally {
      this.#messages = undefined;
      if (link.isConnected) consumer.delete().catch(() => {});
    }
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const { type } of messages.status()) {
      if (FAILURES.has(type)) messages.stop();
    }
  }

  #advance(seq: number): void {
    if (seq > this.#position) this.#position = seq;
    const count = this.#waiting.findIndex((each) => each.seq > this.#position);
    if (count === 0) return;
    const ready = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
    for (const { resolve } of ready) resolve();
  }

  #wait(waiting: Waiting): void {
    if (this.#isStopped) return waiting.reject?.(new Error("the server stops"));
    if (waiting.seq <= this.#position) return waiting.resolve();
    // Nearly always the last.
    const index = this.#waiting.findLastIndex(({ seq }) => seq <= waiting.seq) + 1;
    this.#waiting.splice(index, 0, waiting);
    this.#probeLater();
  }

  #probeLater(): void {
    if (this.#probeTimer !== undefined) return;
    const before = this.#position;
    this.#probeTimer = setTimeout(async () => {
      if (this.#position === before) await this.#probe();
      this.#probeTimer = undefined;
      if (this.#waiting.length > 0 && !this.#isStopped) this.#probeLater();
    }, PROBE_PAUSE_MS);
  }

  /** Skips what has been deleted, as it never comes. */
  async #probe(): Promise<void> {
    const { link, client } = this.#options;
    const before = this.#position;
    const last = this.#waiting.at(-1)?.seq ?? 0;
    try {
      const manager = await client.jetstreamManager(false);
      const query = { seq: before + 1, next_by_subj: ROOM_SUBJECTS };
      const next = await link.call(() => manager.streams.getMessage(STREAM, query));
      if (this.#position === before) this.#advance(Math.min(next ? next.seq - 1 : last, last));
    } catch (error) {
      this.#rejectWaiting(error as Error);
    }
  }

  /** Rejects the waits of {@linkcode reached}: their position cannot be reached now. */
  #rejectWaiting(reason: Error): void {
    const all = this.#waiting.splice(0);
    this.#waiting.push(...all.filter(({ reject }) => !reject));
    for (const { reject } of all) reject?.(reason);
  }
}
