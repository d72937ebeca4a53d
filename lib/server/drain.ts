import type { DirectEngine } from "./engines/direct_engine.ts";
import type { Gateway } from "./engines/gateway.ts";
import type { EngineParts } from "./engines/open_wires.ts";

/** Time to close the connections that are left after the drain timeout. */
const SHUTDOWN_MS = 100;

/** Time to commit the messages that are on their way to the durable history. */
const HISTORY_CLOSE_MS = 2000;

/** The running parts of a server. */
export interface ServerParts extends EngineParts {
  readonly history: AsyncDisposable | undefined;
  /** Undefined with `--engine serve`, and so is `gateway`. */
  readonly directEngine: DirectEngine | undefined;
  readonly gateway: Gateway | undefined;
  readonly httpServer: Deno.HttpServer;
  /** Ends last, so that operators see the drain. */
  readonly metrics: AsyncDisposable;
}

/**
 * Stops a server: delivers the messages published so far, closes every connection with 1001, waits
 * for the peers to answer, and then destroys the remaining connections. Takes little longer than
 * `timeoutMs`.
 */
export async function drain(parts: ServerParts, timeoutMs: number): Promise<void> {
  const { chat, wires, history, directEngine, gateway, httpServer, metrics } = parts;
  const deadlineMs = performance.now() + timeoutMs;
  gateway?.close();
  // Slow readers get half of the time. The rest is for the close frames.
  await withinMs(timeoutMs / 2, chat.rooms.flushed());
  await withinMs(deadlineMs - performance.now(), wires.closeAll());
  // Lets responses under way finish, such as the last server-sent events. It also closes the
  // serve engine's sockets, but would wait forever for a peer that has stopped reading.
  const shutdown = httpServer.shutdown();
  await withinMs(SHUTDOWN_MS, shutdown);
  if (gateway) await withinMs(SHUTDOWN_MS, gateway.unpiped());
  directEngine?.[Symbol.dispose]();
  gateway?.closeConnections();
  await withinMs(SHUTDOWN_MS, shutdown);
  chat.rooms.stop();
  if (history) {
    const closed = Promise.resolve(history[Symbol.asyncDispose]());
    await withinMs(HISTORY_CLOSE_MS, closed.catch((error) => chat.logError(error)));
  }
  await withinMs(SHUTDOWN_MS, Promise.resolve(metrics[Symbol.asyncDispose]()));
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
