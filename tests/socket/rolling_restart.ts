import { Program } from "../main/program.ts";
import { freePort } from "../free_port.ts";
import { Haproxy } from "./haproxy.ts";
import { RollingUser } from "./rolling_user.ts";

/** What {@linkcode rollingRestart} does. */
export interface RollingRestartOptions {
  readonly engine: string;
  readonly userCount: number;
  readonly roomCount: number;
  /** How many users publish as well. */
  readonly publisherCount: number;
  /** The time between two messages of a publisher. */
  readonly paceMs: number;
  readonly windowMs: number;
  readonly handoverMs: number;
  /** How many times one server takes over from the other. */
  readonly restartCount: number;
}

/** What happened in a rolling restart. */
export interface RollingRestartFigures {
  /** The exit codes of the servers, the last one included. */
  readonly exitCodes: readonly number[];
  readonly ackedCount: number;
  /** Acked messages that are not stored at their position. */
  readonly lostCount: number;
  /** Messages that are stored twice, or that a user got twice. */
  readonly doubledCount: number;
  /** Messages that a user did not get, or got in another order. */
  readonly holeCount: number;
  /** `gap` messages, and connections that did not recover. */
  readonly gapCount: number;
  /** Connections that the proxy or a server has refused. */
  readonly refusedCount: number;
  /** For each new server, the largest number of connections that it accepted within a second. */
  readonly peakConnects: readonly number[];
}

/**
 * Restarts two servers in turn, behind HAProxy and under load. Both use one data file, so the next
 * server waits until the last one has ended.
 */
export async function rollingRestart(
  options: RollingRestartOptions,
): Promise<RollingRestartFigures> {
  const { userCount, roomCount, publisherCount, restartCount } = options;
  const folder = await Deno.makeTempDir();
  const ports = [freePort(), freePort()] as const;
  const serverAt = (port: number) => Program.start("server", argsOf(port, folder, options));
  await using haproxy = await Haproxy.start(ports);
  const host = `127.0.0.1:${haproxy.port}`;
  const rooms = Array.from({ length: roomCount }, (_, index) => `room-${index}`);
  const users = Array.from(
    { length: userCount },
    (_, index) => new RollingUser(`ws://${host}/ws?room=room-${index % roomCount}`, `u${index}`),
  );
  const servers = [serverAt(ports[0])];
  try {
    await servers[0]!.stdoutLine(/listening on/);
    await isReady(host);
    const running = users.map((user) => user.run());
    await Promise.all(users.map((user) => user.welcomed()));
    const timers = users.slice(0, publisherCount)
      .map((user) => setInterval(() => user.publish(), options.paceMs));
    for (let restart = 1; restart <= restartCount; restart++) {
      const next = serverAt(ports[restart % 2]!);
      servers.push(next);
      await next.stdoutLine(/Waiting for --data/);
      servers[restart - 1]!.signal("SIGTERM");
      await Promise.all(users.map((user) => user.welcomed()));
    }
    for (const timer of timers) clearInterval(timer);
    await Promise.all(users.map((user) => user.flushed()));
    for (const room of rooms) await publishEnd(host, room);
    await Promise.all(users.map((user) => user.received("end")));
    const histories = await Promise.all(rooms.map((room) => historyOf(host, room)));
    await Promise.all([...users.map((user) => user.stop()), ...running]);
    servers.at(-1)!.signal("SIGTERM");
    const endings = await Promise.all(servers.map((server) => server.ended()));
    return {
      exitCodes: endings.map(({ code }) => code),
      ...compare(users, histories),
      peakConnects: endings.slice(1).map(({ stdout }) => peakPerSecond(connectTimes(stdout))),
    };
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    await Deno.remove(folder, { recursive: true });
  }
}

function argsOf(port: number, folder: string, options: RollingRestartOptions): string[] {
  const { engine, windowMs, handoverMs } = options;
  const flags = {
    port,
    engine,
    data: `${folder}/chat.db`,
    "data-wait": "1h",
    "drain-window": `${windowMs}ms`,
    "drain-handover": `${handoverMs}ms`,
    "drain-timeout": `${windowMs + 20_000}ms`,
    "history-messages": 0,
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** Waits until the proxy has found a server that is ready. */
async function isReady(host: string): Promise<void> {
  for (;;) {
    const response = await fetch(`http://${host}/readyz`);
    await response.body?.cancel();
    if (response.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Sends a request to a server behind the proxy, once the proxy knows one that is ready. */
async function request(host: string, path: string, init?: RequestInit): Promise<Response> {
  for (;;) {
    const response = await fetch(`http://${host}${path}`, init);
    if (response.status !== 503) return response;
    await response.body?.cancel();
    await isReady(host);
  }
}

async function publishEnd(host: string, room: string): Promise<void> {
  const response = await request(host, `/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: "end",
  });
  await response.body?.cancel();
  if (response.status !== 201) throw new Error(`The last message got ${response.status}`);
}

interface StoredMessage {
  readonly text: string;
  readonly position: string;
}

/** Reads all stored messages of a room, in order. */
async function historyOf(host: string, room: string): Promise<StoredMessage[]> {
  const messages = [];
  for (let path = `/rooms/${room}/messages?limit=1000`; path !== "";) {
    const response = await request(host, path);
    messages.push(...(await response.json()).messages);
    path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1] ?? "";
  }
  return messages;
}

/** Compares what users got with what is stored. User N is in room N modulo the rooms. */
function compare(
  users: readonly RollingUser[],
  histories: readonly (readonly StoredMessage[])[],
): Pick<
  RollingRestartFigures,
  "ackedCount" | "lostCount" | "doubledCount" | "holeCount" | "gapCount" | "refusedCount"
> {
  const stored = histories.map((history) =>
    new Map(history.map(({ text, position }) => [text, position]))
  );
  let [ackedCount, lostCount, holeCount, gapCount, refusedCount] = [0, 0, 0, 0, 0];
  let doubledCount = histories.reduce(
    (sum, history, index) => sum + history.length - stored[index]!.size,
    0,
  );
  for (const [index, user] of users.entries()) {
    const { texts, acked, gapCount: gaps, unrecoveredCount, ...counts } = user.transcript;
    const positions = stored[index % histories.length]!;
    for (const [id, position] of acked) if (positions.get(id) !== position) lostCount++;
    ackedCount += acked.size;
    gapCount += gaps + unrecoveredCount;
    refusedCount += counts.refusedCount;
    const distinct = [...new Set(texts)];
    doubledCount += texts.length - distinct.length;
    const expected = [...positions.keys()].filter((text) => !text.startsWith(`${user.name}-`));
    holeCount += expected.filter((text, place) => distinct[place] !== text).length;
    holeCount += Math.max(0, distinct.length - expected.length);
  }
  return { ackedCount, lostCount, doubledCount, holeCount, gapCount, refusedCount };
}

/** The times at which members connected, from the server's log. */
function connectTimes(lines: readonly string[]): number[] {
  return lines.filter((line) => / connected from /.test(line))
    .map((line) => Date.parse(line.split(" ")[0]!));
}

/** The largest number of times within any second. */
function peakPerSecond(sortedMs: readonly number[]): number {
  let peak = 0;
  for (let first = 0, last = 0; last < sortedMs.length; last++) {
    while (sortedMs[last]! - sortedMs[first]! >= 1000) first++;
    peak = Math.max(peak, last - first + 1);
  }
  return peak;
}
