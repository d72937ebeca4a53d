import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
  type StreamInfoRequestOptions,
} from "@nats-io/jetstream";
import { formatDurationMs } from "../../cli/flags/duration.ts";
import { ClusterError } from "../connection/cluster_error.ts";
import type { NatsLink } from "../connection/nats_link.ts";
import { ROOM_SUBJECTS } from "./room_subject.ts";

/** The name of the stream with the messages of all rooms. */
export const STREAM = "chorus";

/** How long, and how often, the stream stores messages. */
export interface StreamLimits {
  /** On how many servers each message is stored. */
  readonly replicas: number;
  /** How many publishes to store for each room; 0 if there is no limit. */
  readonly historyMessages: number;
  /** How long to store messages, in milliseconds; 0 if there is no limit. */
  readonly historyAgeMs: number;
}

/** A process that opens a room needs some of its newest publishes. */
const MIN_MESSAGES_PER_SUBJECT = 128;

/** A publish that is sent again within this time is stored once. */
const DUPLICATE_WINDOW_MS = 2 * 60_000;

/** How long nats-server may take to delete a stream, after it has told that there is none. */
const DELETION_MS = 1000;

/** How a time that is not set begins in NATS. */
const ZERO_YEAR = "0001-";

const NANOSECONDS_PER_MS = 1_000_000;

/** Another stream has these subjects. */
const SUBJECTS_OVERLAP = 10065;

/** Another process is just creating the stream, or the stream has no leader now. */
export class StreamNotReadyError extends Error {
  override readonly name = "StreamNotReadyError";
}

/**
 * Asks NATS for the settings and the state of the stream.
 *
 * @param filter Selects subjects; the answer then has their message counts.
 * @throws {StreamNotReadyError} If the stream has no leader. Then a server may answer that lacks
 * stored messages.
 */
export async function readStreamInfo(
  link: Pick<NatsLink, "call">,
  manager: Pick<JetStreamManager, "streams">,
  filter?: Partial<StreamInfoRequestOptions>,
): Promise<StreamInfo> {
  const info = await link.call(() => manager.streams.info(STREAM, filter));
  if (info.config.num_replicas > 1 && !info.cluster?.leader) {
    throw new StreamNotReadyError("the stream in NATS has no leader");
  }
  return info;
}

/**
 * Returns what is known of the stream of all rooms, which is created if it is missing.
 *
 * @throws {ClusterError} If it has other settings, or its subjects are taken. It is never changed.
 * @throws {StreamNotReadyError} If another process is just creating it, or if it has no
 * leader now.
 */
export async function openStream(
  link: NatsLink,
  manager: JetStreamManager,
  limits: StreamLimits,
): Promise<StreamInfo> {
  const wanted = streamConfig(limits);
  if (!await findStream(link, manager)) await createStream(link, manager, wanted);
  const info = await readStreamInfo(link, manager);
  // NATS 2.9 does not know the time yet, and the epoch depends on it.
  if (String(info.created).startsWith(ZERO_YEAR)) {
    throw new StreamNotReadyError("the stream is being created");
  }
  checkSettings(info, wanted);
  return info;
}

/**
 * Does the same later, when the stream may have been deleted.
 *
 * nats-server 2.9 goes on with the deletion after it has told that there is no stream. It then
 * deletes the first messages of a stream that was created meanwhile, too.
 */
export async function reopenStream(
  link: NatsLink,
  manager: JetStreamManager,
  limits: StreamLimits,
): Promise<StreamInfo> {
  if (!await findStream(link, manager)) {
    await new Promise((resolve) => setTimeout(resolve, DELETION_MS));
  }
  return await openStream(link, manager, limits);
}

function checkSettings(info: StreamInfo, wanted: StreamConfig): void {
  const differences = streamDifferences(info.config, wanted);
  if (differences.length > 0) {
    throw new ClusterError(
      `The stream ${STREAM} in NATS has other settings: ${differences.join("; ")}. Change the ` +
        `flags of this server, or the stream with \`nats stream edit ${STREAM}\``,
    );
  }
}

async function findStream(
  link: NatsLink,
  manager: JetStreamManager,
): Promise<StreamInfo | undefined> {
  try {
    return await readStreamInfo(link, manager);
  } catch (error) {
    if (isStreamMissing(error)) return undefined;
    throw error;
  }
}

async function createStream(
  link: NatsLink,
  manager: JetStreamManager,
  wanted: StreamConfig,
): Promise<void> {
  try {
    // nats.js adds to its argument.
    await link.call(() => manager.streams.add({ ...wanted }));
  } catch (cause) {
    if (!(cause instanceof JetStreamApiError)) throw cause;
    // Another process may create it. NATS 2.9 then has several errors.
    if (await findStream(link, manager)) return;
    if (cause.code === SUBJECTS_OVERLAP) {
      throw new ClusterError(
        `Another stream in NATS has the subjects ${ROOM_SUBJECTS}; delete it, or use another ` +
          "account",
        { cause },
      );
    }
    throw cause;
  }
}

/** Whether an error says that there is no such stream. */
function isStreamMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound;
}

/** Returns the settings of the stream. */
function streamConfig(limits: StreamLimits): StreamConfig {
  const { replicas, historyMessages, historyAgeMs } = limits;
  return {
    name: STREAM,
    subjects: [ROOM_SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.Old,
    max_age: historyAgeMs * NANOSECONDS_PER_MS,
    max_msgs_per_subject: historyMessages === 0
      ? -1
      : Math.max(historyMessages, MIN_MESSAGES_PER_SUBJECT),
    // The window must not be longer than the age.
    duplicate_window: NANOSECONDS_PER_MS *
      (historyAgeMs === 0 ? DUPLICATE_WINDOW_MS : Math.min(DUPLICATE_WINDOW_MS, historyAgeMs)),
    num_replicas: replicas,
    // With these, messages could not be published, read, or deleted.
    max_msg_size: -1,
    max_consumers: -1,
    no_ack: false,
    sealed: false,
    deny_delete: false,
    deny_purge: false,
  } as StreamConfig;
}

/** The flags that decide settings of the stream. */
const FLAGS: { readonly [Name in keyof StreamConfig]?: string } = {
  max_age: "--history-age",
  max_msgs_per_subject: "--history-messages",
  num_replicas: "--nats-replicas",
};

/**
 * Names each setting of a stream that is not the wanted one, with both values, and with the flag
 * that decides it.
 */
function streamDifferences(
  actual: Partial<StreamConfig>,
  wanted: Partial<StreamConfig>,
): string[] {
  const names = Object.keys(wanted) as (keyof StreamConfig)[];
  return names.flatMap((name) => {
    // NATS leaves out what is false.
    const [is, should] = [actual[name] ?? false, wanted[name]].map((value) =>
      formatSetting(name, value)
    );
    if (is === should) return [];
    const flag = FLAGS[name];
    return [`${name} is ${is}, ${flag ? `but ${flag} means` : "not"} ${should}`];
  });
}

function formatSetting(name: keyof StreamConfig, value: unknown): string {
  if (value === -1 || (name === "max_age" && value === 0)) return "unlimited";
  return name === "max_age" || name === "duplicate_window"
    ? formatDurationMs(value as number / NANOSECONDS_PER_MS)
    : String(value);
}
