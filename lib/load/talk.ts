import { printable } from "../cli/printable.ts";
import { OPCODE } from "../websocket/frame.ts";
import { Heartbeat } from "../websocket/heartbeat.ts";
import type { ClientConfig } from "./config.ts";
import { delay } from "./delay.ts";
import { Summary } from "./measure/summary.ts";
import type { Target } from "./users/connection/connect.ts";
import { lossText } from "./users/connection/connect_failure.ts";
import { connectOnSchedule } from "./users/connection/connect_schedule.ts";
import { planUsers } from "./users/user_plan.ts";
import type { UserLine } from "./users/users_file.ts";
import { simulateUser, type UserListener } from "./users/virtual_user.ts";

/** What {@linkcode talk} needs besides the flags. */
export interface TalkOptions {
  readonly target: Target;
  /** The users of `--users`. */
  readonly userLines?: readonly UserLine[];
  /** Aborting it closes all connections. */
  readonly signal: AbortSignal;
  /** Takes a line for each message that a user receives. */
  readonly printMessage: (line: string) => void;
  /** Takes notices for the user of the client. */
  readonly printNotice: (line: string) => void;
  /** A source of numbers from 0 up to, not including, 1. */
  readonly random: () => number;
}

/** Lets users talk until `--duration` ends, the signal aborts, or no user is left. */
export async function talk(config: ClientConfig, options: TalkOptions): Promise<Summary> {
  const { target, printNotice, random, userLines } = options;
  const plan = planUsers(config, target, userLines ?? []);
  const summary = new Summary();
  const listener = createListener(config, summary, options);
  using heartbeat = new Heartbeat(target.deadlines);
  const over = new AbortController();
  const end = () => over.abort();
  options.signal.addEventListener("abort", end);
  if (options.signal.aborted) end();
  if (config.durationMs > 0) delay(config.durationMs, over.signal).then(end);

  const users = config.count === 1 ? "1 user" : `${config.count} users`;
  printNotice(`Connecting ${users} to ${config.url} (Ctrl-C stops)`);
  // Each user has its own, because thousands of listeners on one signal are slow.
  const controllers = new Set<AbortController>();
  over.signal.addEventListener("abort", () => controllers.forEach((each) => each.abort()));
  const ended: Promise<void>[] = [];
  await connectOnSchedule(config, over.signal, (id) => {
    const controller = new AbortController();
    controllers.add(controller);
    const { signal } = controller;
    const user = simulateUser(plan.users[id - 1]!, {
      config,
      target,
      listener,
      heartbeat,
      signal,
      random,
    });
    ended.push(user.finally(() => controllers.delete(controller)));
  });
  await Promise.all(ended);

  const unanswered = ended.length - summary.opened - summary.failed;
  if (unanswered > 0 && !options.signal.aborted) {
    const handshakes = unanswered === 1 ? "1 handshake" : `${unanswered} handshakes`;
    printNotice(`The server did not respond to ${handshakes} before --duration ended`);
  }
  end();
  options.signal.removeEventListener("abort", end);
  return summary;
}

const decoder = new TextDecoder();

/** Counts the events of the users, and prints messages, and each different notice once. */
function createListener(
  config: ClientConfig,
  summary: Summary,
  { printMessage, printNotice }: TalkOptions,
): UserListener {
  const printed = new Set<string>();
  const printOnce = (notice: string) => {
    if (printed.has(notice)) return;
    printed.add(notice);
    printNotice(notice);
  };
  const printIfAllTried = () => {
    if (summary.opened + summary.failed === config.count) {
      printNotice(`Connected: ${summary.opened} of ${config.count}`);
    }
  };
  return {
    opened: (_id, isReconnect) => {
      if (!isReconnect) {
        summary.opened++;
        return printIfAllTried();
      }
      summary.reconnected++;
      if (summary.disconnected > 0) return;
      printNotice("All users have reconnected");
      printed.clear();
    },
    failed: (_id, failure) => {
      summary.addFailure(failure);
      printOnce(failure.advice);
      printIfAllTried();
    },
    reconnectFailed: (_id, failure) => printOnce(`Still disconnected. ${failure.advice}`),
    sent: () => void summary.sent++,
    received: (id, opcode, bytes, start, end) => {
      summary.received++;
      if (config.quiet || config.json) return;
      const text = opcode === OPCODE.text
        ? printable(decoder.decode(bytes.subarray(start, end)))
        : `(${end - start} bytes)`;
      printMessage(`Client ${id}: ${text}`);
    },
    lost: (_id, status, willReconnect) => {
      summary.addLoss(status);
      printOnce(`${lossText(status)}: ${willReconnect ? "reconnecting" : "not reconnecting"}`);
    },
    left: (_id, status) => {
      summary.addLeave(status);
      if (status.code === 1006) printOnce(lossText(status));
    },
  };
}
