import { JetStreamApiError, type StreamInfo } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { ClusterError } from "./connection/cluster_error.ts";
import { decodeFlush } from "./stream/flush.ts";
import { ROOM_SUBJECTS } from "./stream/room_subject.ts";
import { STREAM } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** The part of {@linkcode StreamClients} that is used here. */
type RecordClients = Pick<StreamClients, "link" | "client">;

/** The bucket with what all processes share besides the messages. */
const BUCKET = "chorus";

const SESSION_KEY = "session-key";
const EPOCH = "epoch";

const SESSION_KEY_BYTES = 32;
const EPOCH_BYTES = 8;

/** The epoch of a stream. */
export interface StreamEpoch {
  /** When the stream was created, as NATS tells it. */
  readonly created: string;
  /** 16 hexadecimal digits. */
  readonly name: string;
  /**
   * The stream's last sequence number when the epoch began. Flushes up to it were published in
   * earlier epochs; later ones that were, are not valid.
   */
  readonly startSeq: number;
}

/** What all processes share besides the messages: a bucket of records in NATS. */
export class SharedRecords {
  readonly #clients: RecordClients;
  readonly #bucket: KV;

  private constructor(clients: RecordClients, bucket: KV) {
    this.#clients = clients;
    this.#bucket = bucket;
  }

  /**
   * Opens the records. They are created if they are missing, with so many replicas.
   *
   * @throws {ClusterError} If they have another number of replicas.
   */
  static async open(clients: RecordClients, replicas: number): Promise<SharedRecords> {
    const { link, client } = clients;
    const options = { replicas, history: 1, allow_direct: false };
    const create = () => link.call(() => new Kvm(client).create(BUCKET, options));
    const bucket = await create().catch((error) => {
      // Another process may create it. NATS 2.9 then has several errors.
      if (error instanceof JetStreamApiError) return create();
      throw error;
    });
    const status = await link.call(() => bucket.status());
    if (status.replicas !== replicas) {
      throw new ClusterError(
        `The bucket ${BUCKET} in NATS has ${status.replicas} replicas, but --nats-replicas is ` +
          `${replicas}. Change the flag, or the bucket with \`nats stream edit KV_${BUCKET}\``,
      );
    }
    return new SharedRecords(clients, bucket);
  }

  /**
   * Returns the key that signs session tokens. The first process makes it.
   *
   * @param known The key that this process has, in case the records are lost.
   */
  async sessionKey(known?: Uint8Array): Promise<Uint8Array> {
    const made = known ?? crypto.getRandomValues(new Uint8Array(SESSION_KEY_BYTES));
    for (;;) {
      const entry = await this.#get(SESSION_KEY);
      if (entry) return entry.value;
      await this.#replace(SESSION_KEY, made, 0);
    }
  }

  /**
   * Returns the epoch of a stream. A new one begins if the stream was created anew, or has lost
   * messages.
   *
   * nats-server 2.9 may tell another creation time after the settings of the stream were changed.
   * The epoch then goes on if the newest flush in the stream is of it.
   *
   * @param lost The name of the epoch in which messages were lost, if any were.
   */
  async epoch({ created, state }: StreamInfo, lost?: string): Promise<StreamEpoch> {
    const createdText = String(created);
    for (;;) {
      const entry = await this.#get(EPOCH);
      const stored = entry && parseEpoch(entry.value);
      const known = stored && stored.name !== lost ? stored : undefined;
      if (known?.created === createdText) return known;
      const epoch = known && known.name === await this.#newestEpochName()
        ? { ...known, created: createdText }
        : newEpoch(createdText, state.last_seq);
      const value = new TextEncoder().encode(JSON.stringify(epoch));
      if (await this.#replace(EPOCH, value, entry?.revision ?? 0)) return epoch;
    }
  }

  /** Reads the name of the epoch of the newest flush in the stream. */
  async #newestEpochName(): Promise<string | undefined> {
    const { link, client } = this.#clients;
    const manager = await client.jetstreamManager(false);
    const query = { last_by_subj: ROOM_SUBJECTS };
    const newest = await link.call(() => manager.streams.getMessage(STREAM, query));
    if (!newest) return undefined;
    const { seq, time, data } = newest;
    return decodeFlush(data, { streamSeq: seq, atMs: time.getTime() })?.epoch;
  }

  async #get(key: string): Promise<{ value: Uint8Array; revision: number } | undefined> {
    const entry = await this.#clients.link.call(() => this.#bucket.get(key));
    return entry && entry.operation === "PUT"
      ? { value: entry.value, revision: entry.revision }
      : undefined;
  }

  /** Stores a record if it has not changed since. Returns false if it has. */
  async #replace(key: string, value: Uint8Array, revision: number): Promise<boolean> {
    try {
      await this.#clients.link.call(() =>
        revision === 0 ? this.#bucket.create(key, value) : this.#bucket.update(key, value, revision)
      );
      return true;
    } catch (error) {
      if (error instanceof Error && /wrong last sequence/.test(error.message)) return false;
      throw error;
    }
  }
}

function newEpoch(created: string, startSeq: number): StreamEpoch {
  const name = crypto.getRandomValues(new Uint8Array(EPOCH_BYTES)).toHex();
  return { created, name, startSeq };
}

function parseEpoch(value: Uint8Array): StreamEpoch | undefined {
  try {
    const { created, name, startSeq } = JSON.parse(new TextDecoder().decode(value));
    return typeof created === "string" && /^[0-9a-f]{16}$/.test(name) &&
        Number.isSafeInteger(startSeq)
      ? { created, name, startSeq }
      : undefined;
  } catch {
    return undefined;
  }
}
