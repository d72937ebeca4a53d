import type { JsMsg } from "@nats-io/jetstream";
import {
  type Backplane,
  BackplaneCounters,
  type BackplaneProcess,
  type RoomListener,
  type RoomStream,
  type SharedRoom,
  type StreamHead,
} from "../chat/backplane.ts";
import { EpochWatch } from "./epoch_watch.ts";
import { decodeFlush, type Flush, type FlushPlace } from "./stream/flush.ts";
import { FlushPublisher } from "./stream/flush_publisher.ts";
import { HeldMessages } from "./stream/held_messages.ts";
import { NatsRoomStream, type RoomStreamContext } from "./stream/nats_room_stream.ts";
import { type NatsSetup, type NatsSetupOptions, setUpNats } from "./nats_setup.ts";
import { PresenceExchange } from "./presence/presence_exchange.ts";
import { StreamConsumer } from "./stream/stream_consumer.ts";
import { StreamHealth } from "./stream/stream_health.ts";
import { readStreamInfo } from "./stream/stream_setup.ts";
import { StreamedRooms } from "./streamed_rooms.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** How to make processes one chat with NATS. */
export interface NatsBackplaneOptions extends NatsSetupOptions {
  /** The maximum memory for messages that are not acknowledged, in bytes. */
  readonly maxHeldBytes: number;
  /** A process that is not heard of for this time is gone, with its members. */
  readonly presenceTtlMs: number;
}

/** How long to wait at the end for the messages that are under way. */
const STOP_TIMEOUT_MS = 2000;

/** How long to wait at the end for NATS to take what was sent. */
const DRAIN_TIMEOUT_MS = 1000;

/**
 * Makes processes one chat with NATS JetStream: see {@linkcode Backplane}.
 *
 * Each room is a subject of one stream. What a process publishes in a room in one turn is one
 * publish to the stream, a {@linkcode Flush}, and gets the sequence numbers from its place there.
 */
export class NatsBackplane implements Backplane {
  readonly sessionKey: Uint8Array;
  readonly counters = new BackplaneCounters();
  readonly #options: NatsBackplaneOptions;
  readonly #clients: StreamClients;
  readonly #publisher: FlushPublisher;
  readonly #node: string;
  readonly #consumer: StreamConsumer;
  readonly #health: StreamHealth;
  readonly #held: HeldMessages;
  readonly #presence: PresenceExchange;
  readonly #rooms = new Map<string, NatsRoomStream>();
  readonly #streamedRooms: StreamedRooms;
  #process: BackplaneProcess | undefined;
  readonly #epoch: EpochWatch;
  #flushCount = 0;
  #hasWarned = false;
  #running: Promise<unknown> | undefined;
  #lastStreamSeq: Promise<number> | undefined;

  private constructor(options: NatsBackplaneOptions, setup: NatsSetup) {
    const { clients, node, sessionKey, position } = setup;
    const { logger } = options;
    this.sessionKey = sessionKey;
    this.#options = options;
    this.#clients = clients;
    this.#publisher = new FlushPublisher(clients.link.connection);
    this.#node = node;
    this.#epoch = new EpochWatch({ ...setup, limits: options });
    this.#held = new HeldMessages(options.maxHeldBytes, this.counters);
    this.#health = new StreamHealth({
      logger,
      recover: () => this.#recover(),
      onChange: () => this.#onOutageChange(),
    });
    this.#consumer = new StreamConsumer(position, {
      ...clients,
      counters: this.counters,
      onPublish: (message) => this.#handle(message),
      onFailure: (reason) => this.#health.suspect(`the stream in NATS cannot be read: ${reason}`),
    });
    this.#presence = new PresenceExchange({
      connection: clients.link.connection,
      nodeId: node,
      ttlMs: options.presenceTtlMs,
      logger,
      onPeersChange: (count) => this.counters.peers = count,
    });
    this.#streamedRooms = new StreamedRooms(clients, this.#presence);
  }

  /**
   * Connects to NATS, and creates what is missing there.
   *
   * @throws As {@linkcode setUpNats} does.
   */
  static async open(options: NatsBackplaneOptions): Promise<NatsBackplane> {
    return new NatsBackplane(options, await setUpNats(options));
  }

  get epoch(): string {
    return this.#epoch.name;
  }

  get outage(): string | undefined {
    return this.#health.outage;
  }

  start(process: BackplaneProcess): void {
    this.#process = process;
    const watching = this.#clients.link.watch((isConnected, detail) => {
      if (isConnected) {
        this.counters.reconnects++;
        this.#presence.resync();
      } else {
        this.#consumer.interrupt();
        this.#health.suspect(`the connection to NATS is lost${detail && `: ${detail}`}`);
      }
    });
    this.#running = Promise.all([watching, this.#consumer.run()]);
  }

  open(room: string, listener: RoomListener): RoomStream {
    const stream = new NatsRoomStream(room, listener, this.#roomContext());
    this.#rooms.set(stream.subject, stream);
    stream.open();
    return stream;
  }

  rooms(after: string, limit: number): Promise<SharedRoom[]> {
    return this.#streamedRooms.list(after, limit);
  }

  heads(rooms: readonly string[]): Promise<StreamHead[]> {
    return this.#streamedRooms.heads(rooms);
  }

  async endPublishing(waitMs: number): Promise<number> {
    const endMs = performance.now() + waitMs;
    const refusedBefore = this.counters.refused;
    this.#held.refuseNew();
    const hasPending = () => this.#rooms.values().some(({ hasPending }) => hasPending);
    while (hasPending() && this.outage === undefined && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const outbox of this.#held.outboxes) outbox.close("the server stops");
    return this.counters.refused - refusedBefore;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endPublishing(STOP_TIMEOUT_MS);
    this.#closeRooms("the server stops");
    this.#health.stop();
    this.#publisher[Symbol.dispose]();
    this.#consumer.stop();
    await this.#presence[Symbol.asyncDispose]();
    const { link } = this.#clients;
    if (link.isConnected) await link.drain(DRAIN_TIMEOUT_MS);
    await link.connection.close();
    await this.#running;
  }

  #roomContext(): RoomStreamContext {
    return {
      ...this.#clients,
      publisher: this.#publisher,
      node: this.#node,
      epoch: this.epoch,
      counters: this.counters,
      logger: this.#options.logger,
      held: this.#held,
      health: this.#health,
      consumer: this.#consumer,
      presence: this.#presence,
      nextFlushNumber: () => ++this.#flushCount,
      decode: (payload, place) => this.#decode(payload, place),
      lastStreamSeq: () => this.#readLastStreamSeq(),
      onClosed: (room) => {
        if (this.#rooms.get(room.subject) === room) this.#rooms.delete(room.subject);
      },
    };
  }

  /** Handles the next publish of the stream. Those of rooms that are not open are skipped. */
  #handle(message: JsMsg): void | Promise<void> {
    const room = this.#rooms.get(message.subject);
    if (!room) return;
    const place = { streamSeq: message.seq, atMs: message.time.getTime() };
    const flush = decodeFlush(message.data, place);
    if (!flush) return this.#warnOfPublish(message.subject);
    if (this.#epoch.isValid(flush)) return room.handle(flush);
    return this.#handleOtherEpoch(message);
  }

  /** A flush is of another epoch: of a new one, or its publisher does not know ours yet. */
  async #handleOtherEpoch({ seq }: JsMsg): Promise<void> {
    const reason = await this.#epoch.refresh();
    if (reason !== undefined) this.#renew(seq - 1, reason);
  }

  #decode(payload: Uint8Array, place: FlushPlace): Flush | undefined {
    const flush = decodeFlush(payload, place);
    return flush && this.#epoch.isValid(flush) ? flush : undefined;
  }

  #warnOfPublish(subject: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { logger } = this.#options;
    logger.warn("Ignored a message on {subject}: Chorus did not publish it", { subject });
  }

  #readLastStreamSeq(): Promise<number> {
    const { link, manager } = this.#clients;
    // Calls of the same turn share the answer.
    this.#lastStreamSeq ??= Promise.resolve().then(() => {
      this.#lastStreamSeq = undefined;
      return readStreamInfo(link, manager);
    }).then(({ state }) => state.last_seq);
    return this.#lastStreamSeq;
  }

  /** Resolves when the stream can be used, and everything in it has been handled. */
  async #recover(): Promise<void> {
    const { lastSeq, newEpochReason } = await this.#epoch.recover(this.#consumer);
    if (newEpochReason !== undefined) this.#renew(lastSeq, newEpochReason);
    await this.#consumer.reached(lastSeq);
  }

  /** Goes on in a new epoch, from a place in the stream on. */
  #renew(position: number, reason: string): void {
    const { logger } = this.#options;
    logger.warn("Closing all members, as the stream in NATS starts over: {reason}", { reason });
    this.#closeRooms("the messages in NATS are lost");
    this.#consumer.restartFrom(position);
    this.#process?.onNewEpoch();
  }

  #closeRooms(reason: string): void {
    for (const room of [...this.#rooms.values()]) room.abandon(reason);
  }

  #onOutageChange(): void {
    this.#held.releaseSenders();
    this.#process?.onOutageChange();
  }
}
