import { parseFlags } from "../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS, type ClientConfig } from "../../lib/load/config.ts";
import { NO_COUNTS } from "../../lib/load/measure/ledger/delivery_counts.ts";
import type { TimelinePoint } from "../../lib/load/measure/recorder.ts";
import { runClient } from "../../lib/load/outcome.ts";
import type { Target } from "../../lib/load/users/connection/connect.ts";
import { targetOf } from "../../lib/load/users/connection/target.ts";
import type { UserLine } from "../../lib/load/users/users_file.ts";

/** Handles a message to a scripted server. */
export type Relay = (
  text: string,
  index: number,
  others: readonly WebSocket[],
  self: WebSocket,
) => void;

/** Relays each message. */
export const fair: Relay = (text, _index, others) => others.forEach((other) => other.send(text));

/** A server that calls `relay` with each message. */
export function serve(relay: Relay) {
  const sockets = new Set<WebSocket>();
  let index = 0;
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      const others = [...sockets].filter((each) =>
        each !== socket && each.readyState === WebSocket.OPEN
      );
      relay(data, index++, others, socket);
    };
    return response;
  });
}

/** Measures a server with three users, the first of which sends ten messages. */
export async function measure(
  port: number,
  overrides: Partial<ClientConfig> = {},
  {
    signal = new AbortController().signal,
    onNotice = () => {},
    onProgress = () => {},
    deadlines = {},
    userLines,
  }: {
    readonly signal?: AbortSignal;
    readonly onNotice?: () => void;
    readonly onProgress?: (point: TimelinePoint) => void;
    readonly userLines?: readonly UserLine[];
    readonly deadlines?: Partial<Target["deadlines"]>;
  } = {},
) {
  const { config } = parseFlags(CLIENT_FLAGS, {
    args: [
      "--url",
      `ws://127.0.0.1:${port}/ws`,
      "--count=3",
      "--stagger=0",
      "--senders=1",
      "--json",
    ],
  });
  const full = {
    ...config,
    rate: 1000,
    durationMs: 10,
    warmupMs: 0,
    drainTimeoutMs: 500,
    ...overrides,
  };
  const notices: string[] = [];
  const target = await targetOf(full);
  const { report, exitCode } = await runClient(full, {
    target: { ...target, deadlines: { ...target.deadlines, ...deadlines } },
    ...userLines ? { userLines } : {},
    signal,
    printMessage: () => {},
    printNotice: (line) => {
      notices.push(line);
      onNotice();
    },
    onProgress,
    random: () => 0.5,
  });
  const text = report({ url: full.url, count: full.count, elapsedMs: 1, isInterrupted: false });
  return { text, exitCode, notices, json: () => JSON.parse(text) };
}

/** The counts of the run of {@linkcode measure} if all is well. */
export const CLEAN = { ...NO_COUNTS, delivered: 20 };
