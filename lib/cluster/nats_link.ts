import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  errors,
  type NatsConnection,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { ClusterError } from "./cluster_error.ts";
import { InterruptibleCalls } from "./interruptible_calls.ts";
import { connectNats } from "./nats_transport.ts";

/** Where the NATS servers are, and how to connect to them. */
export interface NatsLinkOptions {
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
}

const DEFAULT_PORT = "4222";

/** The pause between two attempts to connect to a server. */
const RECONNECT_PAUSE_MS = 250;

/** How long one attempt to connect may take. */
const DIAL_TIMEOUT_MS = 3000;

/** The servers are asked so often whether they are still there. */
const PING_INTERVAL_MS = 5000;

/**
 * For requests of the recovery. NATS does not answer at all while it has no leader, so a new
 * request may be answered before an old one.
 */
export const RECOVERY_OPTIONS = { timeout: 1000 } as const;

/** The connection is lost; calls that wait for an answer reject with this. */
export class DisconnectedError extends Error {
  override readonly name = "DisconnectedError";

  constructor() {
    super("the connection to NATS is lost");
  }
}

/**
 * A connection to NATS. It is made again whenever it is lost.
 *
 * nats.js sends nothing of what was published while it was disconnected, and lets requests wait for
 * their timeout. {@linkcode call} rejects at once instead.
 */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly #calls = new InterruptibleCalls();
  #reconnected: PromiseWithResolvers<void> | undefined;

  private constructor(connection: NatsConnection) {
    this.connection = connection;
  }

  /**
   * Connects to one of the servers.
   *
   * @throws {ClusterError} If that fails.
   */
  static async connect(options: NatsLinkOptions): Promise<NatsLink> {
    const connectionOptions = await toConnectionOptions(options);
    const endMs = performance.now() + options.startTimeoutMs;
    for (;;) {
      try {
        const connection = await connectNats(connectionOptions);
        // nats.js has forgotten the servers that could not be reached.
        connection.setServers(connectionOptions.servers as string[]);
        return new NatsLink(connection);
      } catch (error) {
        const isFinal = error instanceof errors.AuthorizationError;
        if (isFinal || performance.now() + RECONNECT_PAUSE_MS > endMs) {
          throw connectFailure(options.servers, error);
        }
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      }
    }
  }

  get isConnected(): boolean {
    return this.#reconnected === undefined && !this.connection.isClosed();
  }

  /** The largest payload that the server takes, with headers. */
  get maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? 1024 ** 2;
  }

  /** Resolves while connected. */
  connected(): Promise<void> {
    return this.#reconnected?.promise ?? Promise.resolve();
  }

  /**
   * Makes a request.
   *
   * @throws {DisconnectedError} As soon as the connection is lost, or if it is lost already.
   */
  call<T>(request: () => Promise<T>): Promise<T> {
    if (!this.isConnected) return Promise.reject(new DisconnectedError());
    return this.#calls.run(request());
  }

  /** Calls `onChange` when the connection is lost, and when it is made again, until the end. */
  async watch(onChange: (isConnected: boolean, detail: string) => void): Promise<void> {
    let detail = "";
    for await (const status of this.connection.status()) {
      if (status.type === "error") detail = status.error.message;
      if (status.type === "disconnect" && !this.#reconnected) {
        this.#reconnected = Promise.withResolvers();
        this.#calls.interrupt(new DisconnectedError());
        onChange(false, detail);
        detail = "";
      } else if (status.type === "reconnect" && this.#reconnected) {
        this.#reconnected.resolve();
        this.#reconnected = undefined;
        onChange(true, status.server);
      }
    }
    this.#calls.interrupt(new DisconnectedError());
    this.#reconnected?.resolve();
  }
}

async function toConnectionOptions(options: NatsLinkOptions): Promise<ConnectionOptions> {
  const { credentialsFile, caFile, name } = options;
  const urls = options.servers.map((server) => new URL(server));
  const user = urls.find(({ username }) => username !== "");
  const authenticator = credentialsFile
    ? credsAuthenticator(new TextEncoder().encode(await readFile(credentialsFile)))
    : user && authenticatorOf(user);
  const tls = caFile
    ? { ca: await readFile(caFile) }
    : urls.some(({ protocol }) => protocol === "tls:")
    ? {}
    : undefined;
  return {
    servers: urls.map(address),
    ...(authenticator && { authenticator }),
    ...(tls && { tls }),
    name,
    timeout: DIAL_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_PAUSE_MS,
    // Each request would record the stack.
    noAsyncTraces: true,
    // A server that restarts may not know its users for a moment.
    ignoreAuthErrorAbort: true,
  } as ConnectionOptions;
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

async function readFile(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ClusterError(`Cannot read the file ${path} for NATS: ${reason}`, { cause });
  }
}

function connectFailure(servers: readonly string[], cause: unknown): ClusterError {
  const addresses = servers.map((server) => address(new URL(server))).join(", ");
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = cause instanceof errors.AuthorizationError
    ? `NATS at ${addresses} does not admit this user; check the user and the password, or the ` +
      `credentials: ${reason}`
    : `Cannot connect to NATS at ${addresses}; check the address, and that the server runs: ` +
      reason;
  return new ClusterError(message, { cause });
}
