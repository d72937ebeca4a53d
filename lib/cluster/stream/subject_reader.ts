import {
  AckPolicy,
  type Consumer,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { NatsLink } from "../connection/nats_link.ts";
import { STREAM } from "./stream_setup.ts";

/** NATS forgets a reader that reads nothing for this time. */
export const READER_IDLE_MS = 10_000;

const NANOSECONDS_PER_MS = 1_000_000;

/** How many publishes to fetch at first, and at most. */
const FIRST_BATCH = 16;
const MAX_BATCH = 512;

/** The batches grow while they are smaller. */
const BATCH_BYTES = 1024 ** 2;

/** How long to wait for a batch. Only a part of it comes if publishes were deleted meanwhile. */
const FETCH_TIMEOUT_MS = 2000;

/** The connection, and what it is used for. */
export interface StreamClients {
  readonly link: NatsLink;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** Reads the stored publishes of a subject, in order. */
export class SubjectReader {
  readonly #clients: StreamClients;
  readonly #subject: string;
  readonly #startSeq: number;
  #consumer: Consumer | undefined;
  /** How many stored publishes have not been fetched, as last heard. */
  #pendingCount = 0;
  #batch = FIRST_BATCH;
  #fetched: JsMsg[] = [];

  /** @param startSeq The stream's sequence number to start from. */
  constructor(clients: StreamClients, subject: string, startSeq: number) {
    this.#clients = clients;
    this.#subject = subject;
    this.#startSeq = Math.max(startSeq, 1);
  }

  /** Reads the next publish; undefined if there are no more now. */
  async next(): Promise<JsMsg | undefined> {
    if (this.#fetched.length === 0) this.#fetched = (await this.#fetch()).reverse();
    return this.#fetched.pop();
  }

  async #fetch(): Promise<JsMsg[]> {
    const consumer = await this.#open();
    if (this.#pendingCount === 0) return [];
    const count = Math.min(this.#pendingCount, this.#batch);
    return await this.#clients.link.call(() => this.#fetchFrom(consumer, count));
  }

  async #fetchFrom(consumer: Consumer, count: number): Promise<JsMsg[]> {
    const batch: JsMsg[] = [];
    let bytes = 0;
    const options = { max_messages: count, expires: FETCH_TIMEOUT_MS };
    for await (const message of await consumer.fetch(options)) {
      batch.push(message);
      bytes += message.data.length;
    }
    this.#pendingCount = batch.length === count ? batch.at(-1)!.info.pending : 0;
    if (bytes < BATCH_BYTES) this.#batch = Math.min(2 * this.#batch, MAX_BATCH);
    else this.#batch = Math.max(1, Math.floor(this.#batch / 2));
    return batch;
  }

  /** Makes the consumer, or asks it how many publishes there are now, if it was at the end. */
  async #open(): Promise<Consumer> {
    const { link, client, manager } = this.#clients;
    if (!this.#consumer) {
      const info = await link.call(() =>
        manager.consumers.add(STREAM, {
          ack_policy: AckPolicy.None,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: this.#startSeq,
          filter_subject: this.#subject,
          inactive_threshold: READER_IDLE_MS * NANOSECONDS_PER_MS,
          mem_storage: true,
          num_replicas: 1,
        })
      );
      this.#pendingCount = info.num_pending;
      this.#consumer = client.consumers.getConsumerFromInfo(info);
    } else if (this.#pendingCount === 0) {
      const consumer = this.#consumer;
      this.#pendingCount = (await link.call(() => consumer.info())).num_pending;
    }
    return this.#consumer;
  }
}
