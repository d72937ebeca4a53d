import type { Logger } from "@logtape/logtape";
import { checkIntervalMs } from "../../websocket/heartbeat.ts";
import { PauseDetector } from "../../websocket/pause_detector.ts";
import type { Transport } from "../../websocket/transport/transport.ts";
import { formatAddress } from "../address.ts";
import type { Decision, IncomingRequest } from "../http/admission.ts";
import type { TextResponse } from "../http/api_response.ts";
import { probeResponse, type ReadinessCheck } from "../http/probes.ts";
import type { Guard, Peer, Visitor } from "../http/guard.ts";
import { isRefusal, type Refusal, refusal, refusalResponse } from "../http/refusal.ts";
import { givenRequestId, REQUEST_ID_HEADER, requestIdOf } from "../http/request_id.ts";
import type { ServerCounters } from "../metrics/server_counters.ts";
import type { TlsFiles } from "../security/tls_files.ts";
import { Acceptor } from "./acceptor.ts";
import type { DirectEngine } from "./direct_engine.ts";
import {
  HttpConnection,
  type HttpConnectionOptions,
  type HttpTimeouts,
} from "./http_connection.ts";
import { type Endpoint, Listener } from "./listener.ts";
import type { PipedRequest } from "./pipe.ts";
import { Pipes, type PipesOptions } from "./pipes.ts";
import type { Source } from "./proxy_protocol.ts";
import { WaitingConnections } from "./waiting_connections.ts";
import { RequestError, type RequestHead } from "./request_head.ts";

/** What the gateway needs from the composition root. */
export interface GatewayOptions extends Omit<PipesOptions, "onBadResponse"> {
  readonly endpoint: Endpoint;
  readonly tls: TlsFiles | undefined;
  readonly timeouts: HttpTimeouts;
  /** Whether to use {@linkcode TcpTransport}. TLS needs a socket. */
  readonly hasTcpTransport: boolean;
  readonly admit: (request: IncomingRequest) => Decision;
  readonly guard: Pick<Guard, "enter" | "refuseConnection">;
  /** Whether an IP address is that of a proxy, which may begin with a PROXY header. */
  readonly isProxy: (ip: string) => boolean;
  readonly maxHeadBytes: number;
  /** The maximum number of connections whose first head is not whole, at the moment. */
  readonly maxWaiting: () => number;
  readonly readinessChecks: readonly ReadinessCheck[];
  readonly directEngine: Pick<DirectEngine, "serve">;
  readonly counters: ServerCounters;
  readonly logger: Logger;
}

/**
 * Accepts every connection and reads the head of each request. An upgrade that is admitted to the
 * chat goes to the direct engine. Everything else is piped to the private `Deno.serve`, which makes
 * the same decisions. The gateway itself answers a request that is not valid HTTP, one that expects
 * `100 Continue` but is refused, and one without a free pipe.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  readonly #listener: Listener;
  readonly #acceptor: Acceptor;
  readonly #httpOptions: HttpConnectionOptions;
  readonly #waiting: WaitingConnections;
  /** The other connections that the direct engine does not have. */
  readonly #connections = new Set<HttpConnection>();
  readonly #pipes: Pipes;
  #reaper: ReturnType<typeof setInterval> | undefined;

  constructor(options: GatewayOptions) {
    const { endpoint, tls, logger } = options;
    this.#options = options;
    this.#pipes = new Pipes({
      ...options,
      onBadResponse: (error) =>
        logger.error("Deno.serve has sent a malformed response: {error}", { error: String(error) }),
    });
    this.#waiting = new WaitingConnections({
      maxWaiting: options.maxWaiting,
      onDropped: () => options.counters.countLimit({ limit: "waiting_connections" }),
    });
    this.#httpOptions = {
      listener: {
        onRequest: (connection, request) => this.#dispatch(connection, request),
        onMalformed: (error) => options.counters.countMalformed(error),
        onGone: (connection, error) => {
          this.#waiting.delete(connection);
          this.#connections.delete(connection);
          if (error) this.#logFailure(error);
        },
      },
      timeouts: options.timeouts,
      maxHeadBytes: options.maxHeadBytes,
    };
    this.#acceptor = new Acceptor({
      tls,
      isProxy: options.isProxy,
      handshakeTimeoutMs: options.timeouts.handshakeTimeoutMs,
      onAccepted: (transport, source, received) => this.#add(transport, source, received),
      onFailed: (error) => this.#logFailure(error),
    });
    this.#listener = new Listener({
      endpoint,
      acceptsTransports: options.hasTcpTransport && !tls,
      onConnection: (accepted) => this.#acceptor.accept(accepted),
      logger,
    });
  }

  /** Listens until {@linkcode close} is called. See {@linkcode Listener.open}. */
  async open(): Promise<Deno.NetAddr> {
    const address = await this.#listener.open();
    const deadlines = Object.values(this.#options.timeouts).filter((ms) => ms > 0);
    if (deadlines.length > 0) {
      const intervalMs = checkIntervalMs(deadlines);
      const pauses = new PauseDetector(intervalMs, performance.now());
      this.#reaper = setInterval(() => this.#check(pauses), intervalMs);
    }
    return address;
  }

  /** Uses this certificate for the connections accepted from now on. */
  useTls(tls: TlsFiles): void {
    this.#acceptor.useTls(tls);
  }

  /** Stops accepting connections. */
  close(): void {
    this.#listener.close();
  }

  /** The number of open files of connections that the direct engine does not have. */
  get fileCount(): number {
    return this.#waiting.size + this.#connections.size + this.#pipes.fileCount;
  }

  /** See {@linkcode Pipes.closed}. */
  unpiped(): Promise<void> {
    return this.#pipes.closed();
  }

  /** Closes all connections that the direct engine does not have. */
  closeConnections(): void {
    clearInterval(this.#reaper);
    this.#acceptor.closeConnections();
    this.#waiting.close();
    for (const { transport } of this.#connections) transport.destroy();
  }

  /** See {@linkcode Pipes.peerOf}. */
  peerOf(...args: Parameters<Pipes["peerOf"]>): Peer | undefined {
    return this.#pipes.peerOf(...args);
  }

  #add(transport: Transport, address: Source, received: Uint8Array): void {
    const peer = { address: formatAddress(address), ip: address.hostname };
    const connection = new HttpConnection(transport, peer, this.#httpOptions);
    this.#waiting.add(connection);
    if (received.length > 0) connection.onData(received);
  }

  #logFailure(error: Error): void {
    this.#options.logger.debug("A connection failed in the gateway: {error}", {
      error: String(error),
    });
  }

  #dispatch(connection: HttpConnection, request: PipedRequest): void {
    const { head } = request;
    if (this.#waiting.delete(connection)) this.#connections.add(connection);
    try {
      const decision = this.#options.admit(head);
      if (decision.kind === "chat") return this.#enter(connection, request, decision);
      // Deno.serve would ask for the body before it refuses the request.
      if (decision.kind === "refusal" && head.headers.get("expect") !== null) {
        return this.#refuse(connection, head, decision);
      }
      if (!connection.pipe) {
        const refused = this.#pipes.refuse(connection.peer);
        // A server that is full is alive, and a supervisor must not restart it.
        if (refused && (decision.kind === "health" || decision.kind === "readiness")) {
          const response = probeResponse(decision.kind, this.#options.readinessChecks);
          return respond(connection, head, response, requestIdOf(head.headers));
        }
        if (refused) return this.#refuse(connection, head, refused);
        connection.pipe = this.#pipes.open(connection);
      }
      connection.pipe.exchange(request);
    } catch (error) {
      this.#fail(connection, head, error);
    }
  }

  /** Lets an upgrade in. While its token is verified, the connection is not read from. */
  #enter(connection: HttpConnection, request: PipedRequest, decision: ChatDecision): void {
    const { head, bytes } = request;
    if (head.version !== "HTTP/1.1") {
      return this.#refuse(connection, head, refusal(426, NEEDS_HTTP_11, UPGRADE_HEADERS));
    }
    const { roomName } = decision.joinRequest;
    const { headers } = head;
    const { peer } = connection;
    const guarded = { peer, headers, requestId: givenRequestId(headers) };
    const entered = this.#options.guard.enter(guarded, "join", roomName);
    if (!(entered instanceof Promise)) {
      if (isRefusal(entered)) this.#refuse(connection, head, entered);
      else this.#upgrade(connection, request, decision, entered);
      return;
    }
    connection.transport.pause();
    // The bytes are lent.
    const copied = { ...request, bytes: bytes.slice() };
    entered.then((entered) => {
      if (!this.#connections.has(connection)) return;
      // Before the engine gets the transport, which may pause it.
      connection.transport.resume();
      // The server may be full by now.
      const again = this.#options.admit(head);
      if (isRefusal(entered)) this.#refuse(connection, head, entered);
      else if (again.kind === "refusal") this.#refuse(connection, head, again);
      else {
        const refused = this.#options.guard.refuseConnection(entered);
        if (refused) this.#refuse(connection, head, refused);
        else this.#upgrade(connection, copied, decision, entered);
      }
    }).catch((error) => this.#fail(connection, head, error));
  }

  #upgrade(
    connection: HttpConnection,
    { head, bytes, headLength }: PipedRequest,
    { joinRequest }: ChatDecision,
    visitor: Visitor,
  ): void {
    const { transport } = connection;
    this.#connections.delete(connection);
    connection.pipe?.close();
    this.#options.directEngine.serve({
      transport,
      key: head.headers.get("sec-websocket-key")!,
      joinRequest,
      received: bytes.subarray(headLength),
      visitor,
    });
    if (connection.pipe?.hasClientEnded) transport.listener.onEnd();
  }

  /** A bug must affect only its connection. */
  #fail(connection: HttpConnection, { headers }: RequestHead, error: unknown): void {
    if (error instanceof RequestError) return connection.refuse(error);
    this.#options.logger.error("A request failed: {error} (request {requestId})", {
      error: String(error),
      requestId: requestIdOf(headers),
    });
    connection.transport.reset();
  }

  #refuse(connection: HttpConnection, head: RequestHead, refusal: Refusal): void {
    this.#options.counters.countRefusal(head, refusal);
    const requestId = requestIdOf(head.headers);
    respond(connection, head, refusalResponse({ ...head, requestId }, refusal), requestId);
  }

  /** Enforces the deadlines, unless clients may be late only because this process has paused. */
  #check(pauses: PauseDetector): void {
    const nowMs = performance.now();
    if (pauses.hasPaused(nowMs)) return;
    this.#acceptor.check(nowMs);
    for (const connection of this.#connections) connection.check(nowMs);
    this.#waiting.check(nowMs);
  }
}

function respond(
  connection: HttpConnection,
  { method }: RequestHead,
  { status, headers, body }: TextResponse,
  requestId: string,
): void {
  connection.respond({
    status,
    headers: { ...headers, [REQUEST_ID_HEADER]: requestId },
    body: method === "HEAD" ? "" : body,
  });
}

type ChatDecision = Extract<Decision, { readonly kind: "chat" }>;

const NEEDS_HTTP_11 = "A WebSocket needs HTTP/1.1: a proxy in between may speak only HTTP/1.0";

const UPGRADE_HEADERS = { Upgrade: "websocket", Connection: "Upgrade" };
