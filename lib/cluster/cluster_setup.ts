import { jetstream, JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import { ClusterError } from "./cluster_error.ts";
import { NatsLink, type NatsLinkOptions, RECOVERY_OPTIONS } from "./nats_link.ts";
import { SharedRecords, type StreamEpoch } from "./shared_records.ts";
import { openStream, type StreamLimits } from "./stream_setup.ts";
import type { StreamClients } from "./subject_reader.ts";

/** How to connect to NATS, and what to create there. */
export interface ClusterSetupOptions
  extends StreamLimits, Omit<NatsLinkOptions, "name" | "startTimeoutMs"> {
  /** How long to try, in milliseconds. Default: ten seconds. */
  readonly startTimeoutMs?: number;
}

/** What a process needs of NATS. */
export interface ClusterSetup {
  readonly clients: StreamClients;
  readonly records: SharedRecords;
  /** Names the process: 16 hexadecimal digits. */
  readonly node: string;
  readonly sessionKey: Uint8Array;
  readonly epoch: StreamEpoch;
  /** The stream's last sequence number. */
  readonly position: number;
}

const DEFAULT_START_TIMEOUT_MS = 10_000;

/** How long to wait for the answer to a request. While a leader is elected, there is none. */
const REQUEST_TIMEOUT_MS = 2000;

/** The pause before the next attempt. */
const RETRY_PAUSE_MS = 250;

const NODE_BYTES = 8;

/** There are not enough servers for the replicas: alone, and in a cluster. */
const TOO_MANY_REPLICAS = [10074, 10005];

/**
 * Connects to NATS, and creates what is missing there. Tries again until the time is over: servers
 * that have just been started have no leader.
 *
 * @throws {ClusterError} If that fails.
 */
export async function setUpCluster(options: ClusterSetupOptions): Promise<ClusterSetup> {
  const { startTimeoutMs = DEFAULT_START_TIMEOUT_MS } = options;
  const endMs = performance.now() + startTimeoutMs;
  const node = crypto.getRandomValues(new Uint8Array(NODE_BYTES)).toHex();
  const link = await NatsLink.connect({ ...options, name: `chorus ${node}`, startTimeoutMs });
  for (;;) {
    try {
      return await setUp(link, node, options);
    } catch (cause) {
      if (cause instanceof ClusterError || performance.now() + RETRY_PAUSE_MS > endMs) {
        await link.connection.close();
        throw cause instanceof ClusterError ? cause : setupFailure(cause, options.replicas);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
  }
}

async function setUp(
  link: NatsLink,
  node: string,
  options: ClusterSetupOptions,
): Promise<ClusterSetup> {
  const client = jetstream(link.connection, RECOVERY_OPTIONS);
  const manager = await jetstreamManager(link.connection, { timeout: REQUEST_TIMEOUT_MS });
  const clients = { link, client, manager };
  const info = await openStream(link, manager, options);
  const records = await SharedRecords.open(clients, options.replicas);
  const sessionKey = await records.sessionKey();
  const epoch = await records.epoch(info);
  return { clients, records, node, sessionKey, epoch, position: info.state.last_seq };
}

function setupFailure(cause: unknown, replicas: number): ClusterError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const options = { cause };
  if (cause instanceof JetStreamApiError && TOO_MANY_REPLICAS.includes(cause.code)) {
    const text = `NATS has too few servers with JetStream for ${replicas} replicas: ${reason}`;
    return new ClusterError(text, options);
  }
  if (cause instanceof Error && cause.name === "JetStreamNotEnabled") {
    const text = "NATS runs without JetStream: enable it with `jetstream: {}` in its configuration";
    return new ClusterError(text, options);
  }
  return new ClusterError(`Cannot use NATS JetStream: ${reason}`, options);
}
