import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { readFailure } from "../../cli/read_failure.ts";
import { ClusterError } from "./cluster_error.ts";
import { connectFailure, isFinalFailure } from "./connect_failure.ts";
import { InterruptibleCalls } from "./interruptible_calls.ts";
import { connectWithTransport } from "./nats_transport.ts";

/** Where the NATS servers are, and how to connect to them. */
export interface NatsConnectOptions {
  /** `nats://HOST:PORT` or `tls://HOST:PORT`, with `USER:PASSWORD@` or `TOKEN@` before the host. */
  readonly servers: readonly string[];
  /** A file with the credentials of a user: its JWT and its seed. */
  readonly credentialsFile?: string | undefined;
  /** A file with the certificates that sign those of the servers, in PEM. */
  readonly caFile?: string | undefined;
  /** The name of the connection, as the servers list it. */
  readonly name: string;
  /** How long to try to connect. */
  readonly startTimeoutMs: number;
  /** Called once, if the first attempt fails, with the reasons. */
  readonly onWait?: ((reasons: string) => void) | undefined;
  /** Ends the attempts. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_PORT = "4222";

/** The pause between two attempts to connect to a server. */
export const RECONNECT_PAUSE_MS = 250;

/** How long one attempt to connect may take. */
const DIAL_TIMEOUT_MS = 3000;

/** The servers are asked so often whether they are still there. */
const PING_INTERVAL_MS = 5000;

/**
 * Connects to one of the servers. The connection is made again whenever it is lost.
 *
 * @throws {ClusterError} If that fails. It names each server with the reason.
 * @throws The reason of the signal, if that ends the attempts.
 */
export async function connectToNats(options: NatsConnectOptions): Promise<NatsConnection> {
  const { onWait, signal } = options;
  const connectionOptions = await toConnectionOptions(options);
  const addresses = options.servers.map((server) => address(new URL(server)));
  const endMs = performance.now() + options.startTimeoutMs;
  const calls = new InterruptibleCalls();
  const interrupt = () => calls.interrupt(signal!.reason);
  signal?.addEventListener("abort", interrupt);
  try {
    for (let isWaiting = false;; isWaiting = true) {
      const failures: [address: string, error: unknown][] = [];
      for (const server of rotated(addresses)) {
        signal?.throwIfAborted();
        const connecting = connectWithTransport({ ...connectionOptions, servers: [server] });
        try {
          const connection = await calls.run(connecting);
          connection.setServers(addresses);
          return connection;
        } catch (error) {
          if (signal?.aborted) connecting.then((late) => late.close(), () => {});
          signal?.throwIfAborted();
          failures.push([server, error]);
        }
      }
      const reasons = failures.map(([server, error]) => `${server}: ${connectFailure(error)}`)
        .sort().join("; at ");
      const isFinal = failures.every(([_, error]) => isFinalFailure(error));
      if (isFinal || performance.now() + RECONNECT_PAUSE_MS > endMs) {
        const cause = failures.map(([_, error]) => error);
        throw new ClusterError(`Cannot connect to NATS at ${reasons}`, { cause });
      }
      if (!isWaiting) onWait?.(reasons);
      await calls.run(new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS)));
    }
  } finally {
    signal?.removeEventListener("abort", interrupt);
  }
}

/** The same elements, from a random one on: not all processes use the first server. */
function rotated<T>(elements: readonly T[]): readonly T[] {
  const start = Math.floor(Math.random() * elements.length);
  return [...elements.slice(start), ...elements.slice(0, start)];
}

async function toConnectionOptions(options: NatsConnectOptions): Promise<ConnectionOptions> {
  const { credentialsFile, caFile, name } = options;
  const urls = options.servers.map((server) => new URL(server));
  const user = urls.find(({ username }) => username !== "");
  const authenticator = credentialsFile
    ? await readCredentials(credentialsFile)
    : user && authenticatorOf(user);
  const usesTls = caFile !== undefined || urls.some(({ protocol }) => protocol === "tls:");
  const ca = caFile && await readCertificates(caFile);
  return {
    ...(authenticator && { authenticator }),
    ...(usesTls && { tls: ca ? { ca } : {} }),
    name,
    timeout: DIAL_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_PAUSE_MS,
    // Each request would record the stack.
    noAsyncTraces: true,
    // A server that restarts may not know its users for a moment.
    ignoreAuthErrorAbort: true,
  };
}

async function readCredentials(path: string): Promise<Authenticator> {
  const text = (await readFile("--nats-credentials", path)).replaceAll("\r\n", "\n");
  const authenticator = credsAuthenticator(new TextEncoder().encode(text));
  try {
    authenticator("nonce");
  } catch {
    // The cause may have a part of the file.
    throw new ClusterError(
      `Cannot use --nats-credentials ${path}: it does not have the JWT and the seed of a NATS user`,
    );
  }
  return authenticator;
}

async function readCertificates(path: string): Promise<string> {
  const text = await readFile("--nats-ca", path);
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new ClusterError(`Cannot use --nats-ca ${path}: it has no certificates in PEM`);
}

async function readFile(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new ClusterError(`Cannot read ${flag} ${path}: ${readFailure(cause)}`, { cause });
  }
}

function authenticatorOf({ username, password }: URL): Authenticator {
  const user = decodeURIComponent(username);
  return password === ""
    ? tokenAuthenticator(user)
    : usernamePasswordAuthenticator(user, decodeURIComponent(password));
}

function address({ hostname, port }: URL): string {
  return `${hostname}:${port || DEFAULT_PORT}`;
}
