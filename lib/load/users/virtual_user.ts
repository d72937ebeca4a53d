import { shouldReconnect } from "../../chat/close_code.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import type { Heartbeat } from "../../websocket/heartbeat.ts";
import type { ClientConfig } from "../config.ts";
import { delay } from "../delay.ts";
import { messageText } from "../measure/message.ts";
import { nextDueMs, periodMs } from "../measure/schedule.ts";
import { connect, type Connection, type OnMessage, type Target } from "./connection/connect.ts";
import type { ConnectFailure } from "./connection/connect_failure.ts";
import { backoffMs, LONGEST_BACKOFF_MS } from "./connection/connect_schedule.ts";
import type { UserPlan } from "./user_plan.ts";

/** The events of a simulated user. */
export interface UserListener {
  /** It connected or reconnected. */
  opened(id: number, isReconnect: boolean): void;
  /** Its first attempt to connect failed. It does not try again. */
  failed(id: number, failure: ConnectFailure): void;
  /** An attempt to reconnect failed. It will try again. */
  reconnectFailed(id: number, failure: ConnectFailure): void;
  sent(id: number): void;
  /** A message arrived. `bytes` are valid until the call returns. */
  received(id: number, ...message: Parameters<OnMessage>): void;
  /** The server or the network ended its connection, or the server stopped answering. */
  lost(id: number, status: CloseStatus, willReconnect: boolean): void;
  /** It closed its connection. The code is 1006 if the server did not answer the close frame. */
  left(id: number, status: CloseStatus): void;
}

/** What {@linkcode simulateUser} needs. */
export interface UserOptions {
  readonly config: ClientConfig;
  readonly target: Target;
  readonly listener: UserListener;
  readonly heartbeat: Heartbeat;
  /** Aborting it closes the connection and ends the user. */
  readonly signal: AbortSignal;
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
}

/**
 * Simulates a user that sends messages at its interval.
 *
 * ```text
 *              ┌──────────── backoff ◀──── lost ◀─┐
 *              ▼                                  │
 *          connecting ──▶ open, sending ──────────┴──▶ left
 *              └──────▶ failed (only the first time)
 * ```
 */
export async function simulateUser(plan: UserPlan, options: UserOptions): Promise<void> {
  const { id } = plan;
  const { config, target, listener, heartbeat, signal, random } = options;
  let isReconnect = false;
  let attempts = 0;
  while (!signal.aborted) {
    const attempt = await connect(target, {
      user: plan,
      timeoutMs: config.connectTimeoutMs,
      signal,
      clock: heartbeat,
      heartbeat,
      reading: "everything",
      onMessage: (...message) => listener.received(id, ...message),
    });
    if ("aborted" in attempt) return;
    if ("connection" in attempt) {
      listener.opened(id, isReconnect);
      isReconnect = true;
      const openedAtMs = performance.now();
      const status = await sendUntilClosed(plan, attempt.connection, options);
      if (signal.aborted) return listener.left(id, status);
      const willReconnect = config.reconnect && shouldReconnect(status.code);
      listener.lost(id, status, willReconnect);
      if (!willReconnect) return;
      // A server that accepts connections and soon closes them again must not be flooded with
      // attempts.
      if (performance.now() - openedAtMs >= LONGEST_BACKOFF_MS) attempts = 0;
    } else {
      if (!isReconnect) return listener.failed(id, attempt.failure);
      listener.reconnectFailed(id, attempt.failure);
    }
    await delay(backoffMs(attempts++, random()), signal);
  }
}

/** Sends messages until the connection ends, or closes it when the signal aborts. */
async function sendUntilClosed(
  { id, name }: UserPlan,
  connection: Connection,
  options: UserOptions,
): Promise<CloseStatus> {
  const { config, listener, signal } = options;
  const period = periodMs(id, config);
  const openedAtMs = performance.now();
  const ended = new AbortController();
  const stop = () => ended.abort();
  connection.closed.then(stop);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();

  let seq = 0;
  for (let dueMs = period; !ended.signal.aborted;) {
    await delay(openedAtMs + dueMs - performance.now(), ended.signal);
    if (ended.signal.aborted) break;
    const text = messageText(config.message, { id, name, seq: ++seq, epochMs: Date.now() });
    if (connection.send(text)) listener.sent(id);
    dueMs = nextDueMs(performance.now() - openedAtMs, period);
  }
  signal.removeEventListener("abort", stop);

  return connection.leave();
}
