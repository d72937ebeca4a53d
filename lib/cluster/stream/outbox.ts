import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Logger } from "@logtape/logtape";
import type { BackplaneCounters } from "../../chat/backplane.ts";
import {
  encodeFlush,
  type FlushHead,
  flushLength,
  type FlushPart,
  MAX_FLUSH_MESSAGES,
} from "./flush.ts";
import type { FlushPublisher } from "./flush_publisher.ts";
import type { HeldMessages } from "./held_messages.ts";
import type { StreamConsumer } from "./stream_consumer.ts";
import { OutageError, type StreamHealth } from "./stream_health.ts";
import type { StreamClients } from "./subject_reader.ts";

/** What the headers of a publish need of the maximum payload. */
const HEADER_BYTES = 256;

/** Errors of JetStream that pass: there is no leader, or no quorum. */
const PASSING_CODES: ReadonlySet<number> = new Set([10008, 10009, 10076]);

/** What the outboxes of all rooms share. */
export interface OutboxContext extends StreamClients {
  /** The process. */
  readonly node: string;
  readonly counters: BackplaneCounters;
  readonly logger: Logger;
  readonly publisher: FlushPublisher;
  readonly held: HeldMessages;
  readonly health: StreamHealth;
  readonly consumer: StreamConsumer;
  /** Numbers the flushes of the process. */
  nextFlushNumber(): number;
}

/** The room of an outbox. */
export interface OutboxRoom {
  readonly subject: string;
  /** Resolves when messages may be sent. */
  readonly opened: Promise<void>;
  /** What a flush that is encoded now says of the room. */
  head(): Omit<FlushHead, "node" | "number">;
  onRefused(publications: readonly FlushPart[]): void;
}

/** A message that waits to be sent. */
interface QueuedPart {
  readonly part: FlushPart;
  /** See {@linkcode FlushHead.comparedUpTo}. */
  readonly comparedUpTo: number;
}

/** A flush that has not come back. */
interface Flight {
  readonly number: number;
  /** See {@linkcode FlushHead.comparedUpTo}. */
  readonly comparedUpTo: number;
  readonly publications: readonly FlushPart[];
  /** Resolves when it has come back or is refused. */
  readonly settled: PromiseWithResolvers<"settled">;
  isSettled: boolean;
  isAcknowledged: boolean;
}

/**
 * The messages of a room that have not come back from the stream.
 *
 * One flush is under way at a time: if there were several, one that is sent again would be stored
 * after the next ones. Messages that are published meanwhile gather for the next flush.
 */
export class Outbox {
  readonly #context: OutboxContext;
  readonly #room: OutboxRoom;
  #queue: QueuedPart[] = [];
  /** The flushes that have not come back, by their number. */
  readonly #flights = new Map<number, Flight>();
  #isSending = false;
  #closeReason: string | undefined;
  #refused: FlushPart[] = [];

  constructor(context: OutboxContext, room: OutboxRoom) {
    this.#context = context;
    this.#room = room;
    context.held.outboxes.add(this);
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#flights.size === 0 && this.#refused.length === 0;
  }

  /**
   * Sends a message with those of the same turn, or holds it during an outage.
   *
   * @param comparedUpTo See {@linkcode FlushHead.comparedUpTo}.
   */
  publish(publication: FlushPart, comparedUpTo: number): void {
    const { held, health } = this.#context;
    if (this.#closeReason !== undefined) {
      this.#refuseLater(publication, this.#closeReason);
    } else if (!held.add(publication, health.outage !== undefined)) {
      this.#refuseLater(publication, health.outage ?? "too many messages wait to be stored");
    } else {
      this.#queue.push({ part: publication, comparedUpTo });
      if (this.#isSending) return;
      this.#isSending = true;
      queueMicrotask(() => this.#sendAll());
    }
  }

  /** A flush of this process has come back: returns its publications, if they were expected. */
  take(number: number): readonly FlushPart[] | undefined {
    const flight = this.#flights.get(number);
    if (flight) this.#settle(flight);
    return flight?.publications;
  }

  /** Sends no more, and refuses what has not come back. */
  close(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#context.held.outboxes.delete(this);
    const flights = [...this.#flights.values()];
    for (const flight of flights) this.#settle(flight);
    const queue = this.#queue.splice(0).map(({ part }) => part);
    this.#context.held.remove(queue);
    this.#refuse([...flights.flatMap(({ publications }) => publications), ...queue], reason);
  }

  async #sendAll(): Promise<void> {
    await this.#room.opened;
    while (this.#queue.length > 0) {
      const parts = this.#queue.slice(0, MAX_FLUSH_MESSAGES).map(({ part }) => part);
      const queued = this.#queue.splice(0, flushLength(parts));
      await this.#send({
        number: this.#context.nextFlushNumber(),
        comparedUpTo: Math.min(...queued.map(({ comparedUpTo }) => comparedUpTo)),
        publications: queued.map(({ part }) => part),
        settled: Promise.withResolvers(),
        isSettled: false,
        isAcknowledged: false,
      });
    }
    this.#isSending = false;
  }

  /** Sends a flush until it is acknowledged, has come back, or is refused. */
  async #send(flight: Flight): Promise<void> {
    const { health, counters, link } = this.#context;
    this.#flights.set(flight.number, flight);
    let payload: Uint8Array | undefined;
    for (let encodedAt = -1;;) {
      await health.ready();
      if (flight.isSettled) return;
      if (payload) counters.resends++;
      if (!payload || encodedAt !== health.recoveries) {
        encodedAt = health.recoveries;
        payload = this.#encode(flight);
        if (payload.length + HEADER_BYTES > link.maxPayloadBytes) {
          return this.#refuseFlight(flight, "the message is too large for the NATS server");
        }
      }
      const startMs = performance.now();
      counters.inFlight++;
      try {
        const ack = health.call(link.call(() => this.#publish(flight, payload!)));
        const streamSeq = await Promise.race([ack, flight.settled.promise]);
        // A flush often comes back before its acknowledgment.
        counters.ackSeconds.observe((performance.now() - startMs) / 1000);
        if (streamSeq !== "settled") this.#acknowledge(flight, streamSeq);
        return;
      } catch (error) {
        if (flight.isSettled) return;
        const reason = refusalOf(error);
        if (reason !== undefined) return this.#refuseFlight(flight, reason);
        if (!(error instanceof OutageError)) health.suspect(passingReason(error));
      } finally {
        counters.inFlight--;
      }
    }
  }

  #encode({ number, comparedUpTo, publications }: Flight): Uint8Array {
    const isDeletion = publications[0]!.deletion ? true : undefined;
    const head = { ...this.#room.head(), node: this.#context.node, number, isDeletion };
    return encodeFlush(
      head.after === comparedUpTo ? head : { ...head, comparedUpTo },
      publications,
    );
  }

  #publish({ number }: Flight, payload: Uint8Array): Promise<number> {
    const { publisher, node } = this.#context;
    const { subject } = this.#room;
    return publisher.publish({ subject, number, id: `${node}-${number}` }, payload);
  }

  #acknowledge(flight: Flight, streamSeq: number): void {
    if (flight.isSettled) return;
    flight.isAcknowledged = true;
    this.#context.held.remove(flight.publications);
    this.#context.consumer.whenReached(streamSeq, () => {
      if (!flight.isSettled) this.#refuseFlight(flight, "the message was deleted");
    });
  }

  #settle(flight: Flight): void {
    if (!flight.isAcknowledged) this.#context.held.remove(flight.publications);
    flight.isSettled = true;
    flight.settled.resolve("settled");
    this.#flights.delete(flight.number);
  }

  #refuseFlight(flight: Flight, reason: string): void {
    this.#settle(flight);
    this.#refuse(flight.publications, reason);
  }

  /** Refuses a message after the publisher has been called back: it does not expect it before. */
  #refuseLater(publication: FlushPart, reason: string): void {
    if (this.#refused.push(publication) > 1) return;
    queueMicrotask(() => this.#refuse(this.#refused.splice(0), reason));
  }

  #refuse(publications: readonly FlushPart[], reason: string): void {
    if (publications.length === 0) return;
    this.#context.counters.refused += publications.length;
    this.#context.logger.debug("{count} messages are refused: {reason}", {
      count: publications.length,
      reason,
    });
    this.#room.onRefused(publications);
  }
}

/** Why a flush can never be stored; undefined if it is to be sent again. */
function refusalOf(error: unknown): string | undefined {
  if (error instanceof JetStreamApiError) {
    return PASSING_CODES.has(error.code) ? undefined : error.message;
  }
  const isFinal = error instanceof errors.PermissionViolationError ||
    error instanceof errors.InvalidArgumentError;
  return isFinal ? error.message : undefined;
}

function passingReason(error: unknown): string {
  if (error instanceof errors.TimeoutError) return "NATS does not acknowledge messages";
  if (error instanceof errors.NoRespondersError) return "no server leads the stream in NATS";
  return `NATS does not take messages: ${error instanceof Error ? error.message : String(error)}`;
}
