import {
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  jetstreamManager,
} from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import type { Logger } from "@logtape/logtape";
import { errorMessage } from "../cli/error_message.ts";
import { checkAccess } from "./access_check.ts";
import { ClusterError } from "./connection/cluster_error.ts";
import { type NatsConnectOptions, RECONNECT_PAUSE_MS } from "./connection/connect_to_nats.ts";
import { NatsLink, RECOVERY_OPTIONS } from "./connection/nats_link.ts";
import { SharedRecords, type StreamEpoch } from "./shared_records.ts";
import { openStream, type StreamLimits } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** How to begin with NATS. */
export interface NatsSetupOptions
  extends StreamLimits, Omit<NatsConnectOptions, "name" | "startTimeoutMs" | "onWait"> {
  readonly logger: Logger;
  /** How long to try to connect. Default: ten seconds. */
  readonly startTimeoutMs?: number;
}

/** What a process has when it has begun with NATS. */
export interface NatsSetup {
  readonly clients: StreamClients;
  readonly records: SharedRecords;
  /** The name of this process, unlike those of all others. */
  readonly node: string;
  readonly sessionKey: Uint8Array;
  readonly epoch: StreamEpoch;
  /** The stream's sequence number of its last publish. */
  readonly position: number;
}

const DEFAULT_START_TIMEOUT_MS = 10_000;

const NODE_BYTES = 8;

/** What is missing is not created: the limits of a server, of the account, and of its streams. */
const NO_SPACE = [10023, 10047, 10002, 10027, 10028];

/** JetStream has no leader yet: its servers have just started, or are too few. */
const TEMPORARY = [10008, 10009];

/** There are not enough servers for the replicas: alone, and in a cluster. */
const TOO_MANY_REPLICAS = [10074, 10005];

/**
 * Connects to NATS, and creates what is missing there.
 *
 * @throws {ClusterError} If that fails.
 * @throws The reason of the signal, if that ends the attempts.
 */
export async function setUpNats(options: NatsSetupOptions): Promise<NatsSetup> {
  const { startTimeoutMs = DEFAULT_START_TIMEOUT_MS, logger, signal } = options;
  const node = crypto.getRandomValues(new Uint8Array(NODE_BYTES)).toHex();
  const endMs = performance.now() + startTimeoutMs;
  const link = await NatsLink.connect({
    ...options,
    name: `chorus ${node}`,
    startTimeoutMs,
    onWait: (reasons) => logger.info("Waiting for NATS at {reasons}", { reasons }),
  });
  const { connection } = link;
  const close = () => connection.close();
  signal?.addEventListener("abort", close);
  try {
    for (let isWaiting = false;; isWaiting = true) {
      try {
        return await openRecords(link, node, options);
      } catch (error) {
        signal?.throwIfAborted();
        if (!isTemporary(error) || performance.now() > endMs) throw error;
        if (!isWaiting) logger.info("Waiting for NATS JetStream, which does not answer yet");
      }
      await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      signal?.throwIfAborted();
    }
  } catch (cause) {
    await close();
    signal?.throwIfAborted();
    if (cause instanceof ClusterError) throw cause;
    throw new ClusterError(setupFailureText(cause, options), { cause });
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

async function openRecords(
  link: NatsLink,
  node: string,
  limits: StreamLimits,
): Promise<NatsSetup> {
  const client: JetStreamClient = jetstream(link.connection, RECOVERY_OPTIONS);
  const manager = await jetstreamManager(link.connection, RECOVERY_OPTIONS);
  const clients = { link, client, manager };
  const info = await openStream(link, manager, limits);
  const records = await SharedRecords.open(clients, limits.replicas);
  const sessionKey = await records.sessionKey();
  const epoch = await records.epoch(info);
  await checkAccess(clients, node);
  return { clients, records, node, sessionKey, epoch, position: info.state.last_seq };
}

function isTemporary(error: unknown): boolean {
  return error instanceof errors.TimeoutError || isWithoutJetStream(error) ||
    isApiError(error, [...TEMPORARY, ...TOO_MANY_REPLICAS]);
}

/** nats.js also says so if a stream has no leader. */
function isWithoutJetStream(error: unknown): boolean {
  return error instanceof Error && error.name === "JetStreamNotEnabled";
}

function isApiError(error: unknown, codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code);
}

function setupFailureText(cause: unknown, { replicas }: StreamLimits): string {
  const denied = permissionViolation(cause);
  if (denied) {
    const action = denied.operation === "publish" ? "publish to" : "subscribe to";
    return `The NATS user may not ${action} ${denied.subject}; give it the permissions that ` +
      "lib/cluster/README.md lists";
  }
  if (isWithoutJetStream(cause)) {
    return "NATS has no JetStream for this user; enable it with `jetstream: {}` in the " +
      "configuration of nats-server, and with `jetstream: enabled` in the user's account, if any";
  }
  if (isApiError(cause, TOO_MANY_REPLICAS)) {
    return `NATS has too few servers with JetStream for --nats-replicas ${replicas}`;
  }
  if (isTemporary(cause)) {
    return "NATS JetStream does not answer, or has no leader: check that most of its servers run";
  }
  if (isApiError(cause, NO_SPACE)) {
    return "NATS JetStream has no space for the messages; raise the limits of the server or the " +
      `account, or delete other streams (${errorMessage(cause)})`;
  }
  return `Cannot use NATS JetStream: ${errorMessage(cause)}`;
}

type PermissionViolation = InstanceType<typeof errors.PermissionViolationError>;

function permissionViolation(error: unknown): PermissionViolation | undefined {
  if (error instanceof errors.PermissionViolationError) return error;
  return error instanceof Error ? permissionViolation(error.cause) : undefined;
}
