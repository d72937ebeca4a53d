import type { CloseStatus } from "../../websocket/close_frame.ts";
import { shouldReconnect } from "../../chat/close_code.ts";
import { backoffMs, LONGEST_BACKOFF_MS } from "./backoff.ts";
import type { ClientConfig } from "../config.ts";
import { connect, type Connection, type OnMessage, type Target } from "./connect.ts";
import type { ConnectFailure } from "./connect_failure.ts";
import { delay } from "../delay.ts";
import { leave } from "./leave.ts";
import { messageText } from "../measure/message.ts";
import { nextDueMs, periodMs } from "../measure/schedule.ts";

/** What a user tells of its life. */
export interface UserListener {
  /** It is connected, for the first time or again. */
  opened(id: number, isAgain: boolean): void;
  /** Its first attempt failed, and it will not try again. */
  failed(id: number, failure: ConnectFailure): void;
  /** It tried to come back, failed, and will try again. */
  stillAway(id: number, failure: ConnectFailure): void;
  sent(id: number): void;
  /** A message has come, `bytes` from `start` to `end`. They are lent: they are good until the call returns. */
  received(id: number, ...message: Parameters<OnMessage>): void;
  /** The server, or the network, ended its connection. */
  lost(id: number, close: CloseStatus, willComeBack: boolean): void;
  /** It has closed its connection, or its closing went unanswered. */
  left(id: number, close: CloseStatus): void;
}

/** What a user needs. */
export interface UserOptions {
  readonly config: ClientConfig;
  readonly target: Target;
  readonly listener: UserListener;
  /** Ends its life: it closes and leaves. */
  readonly signal: AbortSignal;
  /** A source of numbers from 0 up to 1. */
  readonly random: () => number;
}

/**
 * Lives the life of one simulated user.
 *
 * ```text
 *              ┌──────────── backoff ◀──── lost ◀─┐
 *              ▼                                  │
 *          connecting ──▶ open, talking ──────────┴──▶ left
 *              └──────▶ failed (only the first time)
 * ```
 */
export async function liveVirtualUser(id: number, options: UserOptions): Promise<void> {
  const { config, target, listener, signal, random } = options;
  let isAgain = false;
  let comebacks = 0;
  while (!signal.aborted) {
    const attempt = await connect(target, {
      timeoutMs: config.connectTimeoutMs,
      signal,
      clock: NO_CLOCK,
      isPaused: false,
      onMessage: (...message) => listener.received(id, ...message),
    });
    if ("aborted" in attempt) return;
    if ("connection" in attempt) {
      listener.opened(id, isAgain);
      isAgain = true;
      const openedAtMs = performance.now();
      const close = await talk(id, attempt.connection, options);
      if (signal.aborted) return listener.left(id, close);
      const willComeBack = config.reconnect && shouldReconnect(close.code);
      listener.lost(id, close, willComeBack);
      if (!willComeBack) return;
      // A server that takes everybody in and throws them out again must not be hammered.
      if (performance.now() - openedAtMs >= LONGEST_BACKOFF_MS) comebacks = 0;
    } else {
      if (!isAgain) return listener.failed(id, attempt.failure);
      listener.stillAway(id, attempt.failure);
    }
    await delay(backoffMs(comebacks++, random()), signal);
  }
}

/** A user keeps no deadlines of its own on an open connection. */
const NO_CLOCK = { nowMs: 0 };

/** Says its message at every turn until the connection ends or the signal closes it. */
async function talk(
  id: number,
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
    const text = messageText(config.message, { id, seq: ++seq, epochMs: Date.now() });
    if (connection.send(text)) listener.sent(id);
    dueMs = nextDueMs(performance.now() - openedAtMs, period);
  }
  signal.removeEventListener("abort", stop);

  return leave(connection);
}
