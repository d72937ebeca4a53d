import type { StreamInfo } from "@nats-io/jetstream";
import type { Flush } from "./stream/flush.ts";
import { SharedRecords, type StreamEpoch } from "./shared_records.ts";
import type { StreamConsumer } from "./stream/stream_consumer.ts";
import { readStreamInfo, reopenStream, type StreamLimits } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** How long a new leader may take to apply what was committed. */
const MAX_BEHIND_MS = 5000;

/** What {@linkcode EpochWatch} needs: what the process has begun with. */
export interface EpochWatchOptions {
  readonly clients: StreamClients;
  readonly limits: StreamLimits;
  readonly records: SharedRecords;
  readonly sessionKey: Uint8Array;
  readonly epoch: StreamEpoch;
}

/** The state of the stream after an outage. */
export interface RecoveredStream {
  readonly lastSeq: number;
  /** Why a new epoch has begun, for people; undefined if none has. */
  readonly newEpochReason: string | undefined;
}

/** Knows the epoch of the stream, and finds out whether there is a new one. */
export class EpochWatch {
  readonly #options: EpochWatchOptions;
  #records: SharedRecords;
  #epoch: StreamEpoch;
  /** Since when the stream seems to have lost messages. */
  #behindSinceMs: number | undefined;

  constructor(options: EpochWatchOptions) {
    this.#options = options;
    this.#records = options.records;
    this.#epoch = options.epoch;
  }

  /** The name of the epoch. */
  get name(): string {
    return this.#epoch.name;
  }

  /** Whether a flush belongs to this epoch, or is from before it began. */
  isValid({ epoch, streamSeq }: Flush): boolean {
    return epoch === this.#epoch.name || streamSeq <= this.#epoch.startSeq;
  }

  /** Reads the epoch again. Returns why it is a new one; undefined if it is not. */
  async refresh(): Promise<string | undefined> {
    const { link, manager } = this.#options.clients;
    return await this.#update(await readStreamInfo(link, manager));
  }

  /**
   * Creates what has been deleted, and begins a new epoch if messages are lost.
   *
   * @throws If the stream cannot be used.
   */
  async recover(consumer: StreamConsumer): Promise<RecoveredStream> {
    const { clients, limits, sessionKey } = this.#options;
    const { link, client } = clients;
    // Only the time counts during which NATS answers, and the stream has a leader.
    const behindSinceMs = this.#behindSinceMs;
    this.#behindSinceMs = undefined;
    await link.connected();
    const manager = await client.jetstreamManager(false);
    // The consumer may go on while NATS answers.
    const { position } = consumer;
    const info = await reopenStream(link, manager, limits);
    // The records may be deleted with the stream.
    this.#records = await SharedRecords.open(clients, limits.replicas);
    await this.#records.sessionKey(sessionKey);
    const loss = this.#isBehind(info, position, behindSinceMs)
      ? "it lacks messages that had come from it"
      : await consumer.isReplaced()
      ? "it has other messages than had come from it"
      : undefined;
    const newEpochReason = await this.#update(info, loss);
    return { lastSeq: info.state.last_seq, newEpochReason };
  }

  /** Returns why the epoch is a new one; undefined if it is not. */
  async #update(info: StreamInfo, loss?: string): Promise<string | undefined> {
    const before = this.#epoch;
    this.#epoch = await this.#records.epoch(info, loss && before.name);
    if (this.name === before.name) return undefined;
    if (this.#epoch.created !== before.created) return "it was created anew, or is an old copy";
    return loss ?? "another server has found that it lost messages";
  }

  /** Whether the stream lacks messages that have come from it. */
  #isBehind(
    { state, config, created }: StreamInfo,
    position: number,
    sinceMs = performance.now(),
  ): boolean {
    if (state.last_seq >= position) return false;
    // A new leader may not have applied all that was committed.
    const isSame = String(created) === this.#epoch.created;
    if (isSame && config.num_replicas > 1 && performance.now() - sinceMs < MAX_BEHIND_MS) {
      this.#behindSinceMs = sinceMs;
      throw new Error("the stream lacks messages that have come from it");
    }
    return true;
  }
}
