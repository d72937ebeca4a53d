import { printable } from "../cli/printable.ts";
import { OPCODE } from "../websocket/frame.ts";
import { letArrive } from "./users/arrivals.ts";
import type { ClientConfig } from "./config.ts";
import type { Target } from "./users/connect.ts";
import { delay } from "./delay.ts";
import { Summary } from "./measure/summary.ts";
import { liveVirtualUser, type UserListener } from "./users/virtual_user.ts";

/** What a run needs. */
export interface RunOptions {
  readonly target: Target;
  /** Ends the run: every user closes and leaves. */
  readonly signal: AbortSignal;
  /** Takes a line for each message that a user receives. */
  readonly printMessage: (line: string) => void;
  /** Takes what a person who watches the run should know. */
  readonly printNotice: (line: string) => void;
  /** A source of numbers from 0 up to 1. */
  readonly random: () => number;
}

/**
 * Lets the users live until the duration is over, the signal aborts, or none is left to wait for.
 */
export async function runLoad(config: ClientConfig, options: RunOptions): Promise<Summary> {
  const { target, printNotice, random } = options;
  const summary = new Summary();
  const listener = listen(config, summary, options);
  const over = new AbortController();
  const end = () => over.abort();
  options.signal.addEventListener("abort", end);
  if (options.signal.aborted) end();
  if (config.durationMs > 0) delay(config.durationMs, over.signal).then(end);

  const users = config.count === 1 ? "1 user" : `${config.count} users`;
  printNotice(`Connecting ${users} to ${config.url} (Ctrl-C stops)`);
  // A signal for each, as a signal is slow to tell thousands of listeners that come and go.
  const leaving = new Set<AbortController>();
  over.signal.addEventListener("abort", () => leaving.forEach((leave) => leave.abort()));
  const lives: Promise<void>[] = [];
  await letArrive(config, over.signal, (id) => {
    const leave = new AbortController();
    leaving.add(leave);
    const life = liveVirtualUser(id, { config, target, listener, signal: leave.signal, random });
    lives.push(life.finally(() => leaving.delete(leave)));
  });
  await Promise.all(lives);

  end();
  options.signal.removeEventListener("abort", end);
  return summary;
}

const decoder = new TextDecoder();

/** Counts what the users tell, and passes on what a person wants to see: each kind of trouble once, not once a user. */
function listen(
  config: ClientConfig,
  summary: Summary,
  { printMessage, printNotice }: RunOptions,
): UserListener {
  const told = new Set<string>();
  const tellOnce = (notice: string) => {
    if (told.has(notice)) return;
    told.add(notice);
    printNotice(notice);
  };
  const tellIfAllIn = () => {
    if (summary.opened + summary.failed === config.count) {
      printNotice(`Connected: ${summary.opened} of ${config.count}`);
    }
  };
  return {
    opened: (_id, isAgain) => {
      if (!isAgain) {
        summary.opened++;
        return tellIfAllIn();
      }
      summary.cameBack++;
      if (summary.away > 0) return;
      printNotice("Every lost connection has come back");
      told.clear();
    },
    failed: (_id, failure) => {
      summary.addFailure(failure);
      tellOnce(failure.advice);
      tellIfAllIn();
    },
    stillAway: (_id, failure) => tellOnce(`Still away. ${failure.advice}`),
    sent: () => void summary.sent++,
    received: (id, opcode, bytes, start, end) => {
      summary.received++;
      if (config.quiet || config.json) return;
      const text = opcode === OPCODE.text
        ? printable(decoder.decode(bytes.subarray(start, end)))
        : `(${end - start} bytes)`;
      printMessage(`Client ${id}: ${text}`);
    },
    lost: (_id, close, willComeBack) => {
      summary.lost++;
      summary.addClose(close);
      const how = close.code === 1006
        ? "A connection broke off without a close frame"
        : `The server closed a connection with ${close.code} ${printable(close.reason)}`.trimEnd();
      tellOnce(`${how}: ${willComeBack ? "trying to come back" : "not coming back"}`);
    },
    left: (_id, close) => summary.addClose(close),
  };
}
