import type { Logger } from "@logtape/logtape";
import type { Chat } from "../chat/chat.ts";
import type { Member } from "../chat/members/member.ts";
import type { Room } from "../chat/room.ts";
import { closingOrder } from "./closing_order.ts";
import type { DirectEngine } from "./engines/direct_engine.ts";
import type { Gateway } from "./engines/gateway.ts";
import type { EngineParts } from "./engines/open_wires.ts";
import type { HttpServer } from "./http_server.ts";
import type { DrainConfig } from "./flags/drain_flags.ts";

/** The time between two steps of the window. Members of one step reconnect within this time. */
const STEP_MS = 100;

/** Without a window, members are told to reconnect within this time. */
const RECONNECT_SPREAD_MS = 1000;

/** Time to close the connections that are left after the drain timeout. */
const SHUTDOWN_MS = 100;

/** Time to commit the messages that are on their way to a file. */
const FILE_CLOSE_MS = 2500;

/** At the end, how long messages may take to come back from NATS before they are refused. */
const SETTLE_MS = 500;

/** The running parts of a server. */
export interface ServerParts extends EngineParts {
  /** Where messages are stored, if they are. */
  readonly store: AsyncDisposable | undefined;
  /** Undefined with `--engine serve`, and so is `gateway`. */
  readonly directEngine: DirectEngine | undefined;
  readonly gateway: Gateway | undefined;
  readonly httpServer: Pick<HttpServer, "shutdown">;
  /** Ends last, so that operators see the drain. */
  readonly metrics: AsyncDisposable;
}

/**
 * Stops a server.
 *
 * ```text
 * serving ──run()──▶ unready ──delay──▶ closing ──window──▶ flushing ──▶ stopped
 * ```
 *
 * | state    | probes get          | new clients       | members                                 |
 * | -------- | ------------------- | ----------------- | --------------------------------------- |
 * | serving  | ready               | served            | served                                  |
 * | unready  | 503 at `/readyz`    | served            | served                                  |
 * | closing  | 503 at `/readyz`    | refused with 503  | served until they are closed, in steps  |
 * | flushing | 503, if still there | not accepted      | get what is left, and are closed        |
 * | stopped  |                     |                   |                                         |
 *
 * The listener stays open in `closing`: a refused client is told when to try again, and a
 * supervisor whose probe failed would kill the server. If the port is shared, the gateway stops to
 * listen before that: the other processes serve new clients, and answer the probes.
 */
export class Drain {
  readonly #config: DrainConfig;
  readonly #logger: Logger;
  #state: "serving" | "unready" | "closing" | "flushing" | "stopped" = "serving";
  #stopped: Promise<void> | undefined;

  constructor(config: DrainConfig, logger: Logger) {
    this.#config = config;
    this.#logger = logger;
  }

  /** Whether load balancers should send no more clients. */
  get hasBegun(): boolean {
    return this.#state !== "serving";
  }

  /** Whether the server refuses new clients. */
  get isClosing(): boolean {
    return this.hasBegun && this.#state !== "unready";
  }

  /**
   * Delivers the messages, closes every connection with 1001, waits for the peers to answer, and
   * then destroys the remaining connections. Refuses messages that NATS has not stored. Takes no
   * longer than `--drain-timeout`, except to commit the last messages to a file. Running it twice
   * is harmless.
   */
  run(parts: ServerParts): Promise<void> {
    return this.#stopped ??= this.#run(parts);
  }

  async #run(parts: ServerParts): Promise<void> {
    const { drainDelayMs, drainWindowMs, drainTimeoutMs, reusePort } = this.#config;
    const deadlineMs = performance.now() + drainTimeoutMs;
    this.#state = "unready";
    if (drainDelayMs > 0) {
      this.#logger.info("Not ready, but still serving for {delayMs} ms", { delayMs: drainDelayMs });
      await afterMs(drainDelayMs);
    }
    this.#state = "closing";
    parts.wires.isClosing = true;
    if (reusePort) parts.gateway?.close();
    if (drainWindowMs > 0) await this.#closeInSteps(parts);
    this.#state = "flushing";
    parts.gateway?.close();
    await this.#flush(parts, deadlineMs);
    this.#state = "stopped";
  }

  /** Closes the members at equal distances in time, the first one at once. */
  async #closeInSteps({ chat }: ServerParts): Promise<void> {
    const windowMs = this.#config.drainWindowMs;
    const members = closingOrder(chat.members, Math.random);
    this.#logger.info("Closing all members over {windowMs} ms (members: {memberCount})", {
      memberCount: members.length,
      windowMs,
    });
    const startMs = performance.now();
    for (let closedCount = 0, step = 1; closedCount < members.length; step++) {
      const spentMs = performance.now() - startMs;
      const dueCount = Math.floor(spentMs / windowMs * members.length) + 1;
      await this.#sendAway(chat, members.slice(closedCount, dueCount));
      closedCount = dueCount;
      // Those that are left may have gone by themselves.
      if (chat.size === 0) return;
      await afterMs(Math.max(0, startMs + step * STEP_MS - performance.now()));
    }
  }

  /** Closes members, each when it has been served everything that was published. */
  async #sendAway(chat: Chat, members: readonly Member[]): Promise<void> {
    const deadlineMs = performance.now() + STEP_MS;
    const rooms = Map.groupBy(members, ({ room }) => room);
    await Promise.all(Array.from(rooms, async ([room, inRoom]) => {
      await withinMs(STEP_MS, served(room, deadlineMs));
      // They stay until the flush: then they hear whether their messages are stored.
      if (chat.rooms.isHolding && !room.isFlushed) return;
      for (const member of inRoom) member.sendAway(this.#reconnectInMs());
    }));
  }

  /**
   * How long after its close a member should reconnect.
   *
   * The closes are spread over the window, so reconnecting at once is as even, if another server is
   * ready. With `--data` none is: the next server can only use the file when this one has ended. A
   * member would be refused and retry until then, and all would come in one burst. So the delay is
   * the whole window, and the time of the handover: the first member reconnects when the last one
   * has been closed and the next server has started, and the others follow at their distances.
   */
  #reconnectInMs(): number {
    const { data, drainWindowMs, drainHandoverMs } = this.#config;
    const awayMs = data === "" ? 0 : drainWindowMs + drainHandoverMs;
    const spreadMs = drainWindowMs > 0 ? STEP_MS : RECONNECT_SPREAD_MS;
    return Math.round(awayMs + Math.random() * spreadMs);
  }

  async #flush(parts: ServerParts, deadlineMs: number): Promise<void> {
    const { chat, wires, store, directEngine, gateway, httpServer, metrics } = parts;
    const { data, drainTimeoutMs } = this.#config;
    const restMs = deadlineMs - performance.now();
    // Slow readers and NATS get half of the time. The rest is for the close frames.
    await withinMs(restMs / 2, chat.rooms.flushed());
    const refusedCount = await chat.rooms.endPublishing(Math.min(SETTLE_MS, restMs / 8));
    if (refusedCount > 0) {
      this.#logger.warn("{count} messages were not stored", { count: refusedCount });
    }
    for (const member of [...chat.members]) member.sendAway(this.#reconnectInMs());
    const shutdownMs = Math.min(5 * SHUTDOWN_MS, drainTimeoutMs / 10);
    await withinMs(deadlineMs - shutdownMs - performance.now(), wires.closeAll());
    // Lets responses under way finish, such as the last server-sent events. It also closes the
    // serve engine's sockets, but would wait forever for a peer that has stopped reading.
    const shutdown = httpServer.shutdown();
    await withinMs(SHUTDOWN_MS, shutdown);
    if (gateway) await withinMs(SHUTDOWN_MS, gateway.unpiped());
    directEngine?.[Symbol.dispose]();
    gateway?.closeConnections();
    await withinMs(SHUTDOWN_MS, shutdown);
    chat.rooms.stop();
    if (store) {
      const closed = Promise.resolve(store[Symbol.asyncDispose]());
      const leftMs = Math.max(SHUTDOWN_MS, deadlineMs - performance.now() - SHUTDOWN_MS);
      const closeMs = data === "" ? leftMs : FILE_CLOSE_MS;
      await withinMs(closeMs, closed.catch((error) => chat.logError(error)));
    }
    await withinMs(SHUTDOWN_MS, Promise.resolve(metrics[Symbol.asyncDispose]()));
  }
}

/** Waits until every reader of a room that keeps up has been served everything, at one moment. */
async function served(room: Room, deadlineMs: number): Promise<void> {
  do await room.flushed(); while (!room.isFlushed && performance.now() < deadlineMs);
}

function afterMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Settles as `promise` does, or resolves after `ms` if that takes longer. */
async function withinMs(ms: number, promise: Promise<unknown>): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, ms);
  try {
    await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
