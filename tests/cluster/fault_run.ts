import { assertEquals } from "@std/assert";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import type { ChorusCluster } from "./chorus_cluster.ts";
import { ClusterUser } from "./cluster_user.ts";
import { compareRoom, type Differences, idOf, NO_DIFFERENCES } from "./comparison.ts";

/** A message is late after this time. */
const LATE_MS = 1000;

/** The pause between two looks at what is to be published. */
const PACE_MS = 20;

/** How many messages are acked before the fault. */
const WARM_UP_COUNT = 50;

export interface FaultRunOptions {
  readonly userCount: number;
  readonly roomCount: number;
  /** By all users together. */
  readonly messagesPerSecond: number;
  /** How long the fault lasts, if it does not end by itself. */
  readonly holdMs: number;
  /** After this time the run fails, with what it waits for. */
  readonly deadlineMs: number;
}

/** What a fault acts on. */
export interface FaultContext {
  readonly cluster: ChorusCluster;
  readonly users: readonly ClusterUser[];
  /** Members of the first node, one in each room, that do not come back. */
  readonly idlers: readonly ClusterUser[];
  readonly holdMs: number;
}

/** When a fault began and ended, on the clock of `performance.now()`. */
export interface FaultSpan {
  readonly startMs: number;
  /** For a kill, also its start. */
  readonly endMs: number;
  /** The users of the servers with the fault. */
  readonly affected: readonly ClusterUser[];
}

/** Something that goes wrong. */
export interface Fault {
  readonly name: string;
  /** How many bytes each message has, about. Default: 20. */
  readonly messageBytes?: number;
  /** Breaks something, and mends it. Checks what users and operators see meanwhile. */
  act(context: FaultContext): Promise<FaultSpan>;
}

/** What happened in a run. */
export interface FaultFigures extends Differences {
  readonly lastedMs: number;
  /**
   * From the end of the fault until an affected user gets the first ack of a message that was
   * published since the fault began.
   */
  readonly firstAckMs: number;
  /** From the end of the fault until no ack and no delivery takes longer than a second. */
  readonly recoveredMs: number;
  /** The longest time from publishing a message to its ack. */
  readonly longestAckMs: number;
  /** `gap` messages. */
  readonly gapCount: number;
  readonly refusedCount: number;
  /** Acks of messages that were only held. */
  readonly earlyAckCount: number;
}

/** Returns a table in Markdown of what each fault did. */
export function faultTable(rows: readonly (readonly [name: string, FaultFigures])[]): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const head = [
    ...["Fault", "Lasted", "First ack", "Recovered", "Longest ack", "Acked", "Refused", "Lost"],
    ...["Doubled", "Misordered", "Gaps"],
  ];
  const cells = rows.map(([name, figures]) => [
    name,
    ...[figures.lastedMs, figures.firstAckMs, figures.recoveredMs, figures.longestAckMs]
      .map(seconds),
    ...[figures.ackedCount, figures.refusedCount, figures.lostCount, figures.doubledCount],
    ...[figures.misorderedCount + figures.otherHistoryCount, figures.gapCount],
  ]);
  const lines = [head, head.map(() => "---"), ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/**
 * Checks that nothing is lost, doubled, in another order, or acked too early.
 *
 * @throws {AssertionError} Otherwise.
 */
export function assertNoLoss(figures: FaultFigures): void {
  const { gapCount, earlyAckCount, lostCount, doubledCount, misorderedCount } = figures;
  const { otherHistoryCount, examples } = figures;
  assertEquals(
    {
      gapCount,
      earlyAckCount,
      lostCount,
      doubledCount,
      misorderedCount,
      otherHistoryCount,
      examples,
    },
    { gapCount: 0, earlyAckCount: 0, ...NO_DIFFERENCES },
  );
}

/** Lets users chat while a fault happens. Compares what they and the servers have at the end. */
export async function runFault(
  cluster: ChorusCluster,
  fault: Fault,
  options: FaultRunOptions,
): Promise<FaultFigures> {
  await using opened = new AsyncDisposableStack();
  const suffix = crypto.randomUUID().slice(0, 8);
  const rooms = Array.from({ length: options.roomCount }, (_, index) => `room-${index}-${suffix}`);
  const users = Array.from({ length: options.userCount }, (_, index) => {
    const room = rooms[index % rooms.length]!;
    // The users of a room are spread over the nodes, and half of them get their own messages.
    const place = Math.floor(index / rooms.length);
    const hosts = cluster.hostsFrom(place);
    const echo = Math.floor(place / cluster.nodes.length) % 2 === 0;
    return opened.use(new ClusterUser(`u${index}`, { hosts, room, echo }));
  });
  const idlers = rooms.map((room, index) => {
    const hosts = cluster.hostsFrom(0);
    return opened.use(new ClusterUser(`idle${index}`, { hosts, room, leavesForGood: true }));
  });
  const chat = new Chatter(users, options.messagesPerSecond, fault.messageBytes ?? 20);
  opened.use(chat);
  const running = (async () => {
    await all([...users, ...idlers], ({ isConnected }) => isConnected);
    chat.start();
    await all(users, () => chat.ackedCount >= WARM_UP_COUNT);
    const span = await fault.act({ cluster, users, idlers, holdMs: options.holdMs });
    await all(users, ({ newestAckedMs }) => newestAckedMs > span.endMs);
    chat[Symbol.dispose]();
    await all(users, ({ hasPending }) => !hasPending);
    await Promise.all(rooms.map((room) => cluster.nodes[0]!.publish(room, "end")));
    await all(users, ({ deliveries }) => deliveries.at(-1)?.text === "end");
    await membersAgree(cluster, rooms, [...users, ...idlers]);
    return span;
  })();
  const waited = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const states = users.map(String).slice(0, 40).join("\n");
    waited.reject(new Error(`${fault.name} has not ended:\n${states}`));
  }, options.deadlineMs);
  try {
    const span = await Promise.race([running, waited.promise]);
    const parts = await Promise.all(rooms.map(async (room) => {
      const histories = await Promise.all(cluster.nodes.map(async (node) => {
        return [node.host, await node.history(room)] as const;
      }));
      return compareRoom(users.filter((user) => user.room === room), new Map(histories));
    }));
    return { ...timesOf(users, span), ...countsOf(users), ...sum(parts) };
  } finally {
    clearTimeout(timer);
    running.catch(() => {});
  }
}

/** Waits until something is true of all users. */
export async function all(
  users: readonly ClusterUser[],
  isTrue: (user: ClusterUser) => boolean,
): Promise<void> {
  await Promise.all(users.map((user) => user.until(isTrue)));
}

/** Publishes at a steady rate, each user in its turn. */
class Chatter implements Disposable {
  readonly #users: readonly ClusterUser[];
  readonly #messagesPerSecond: number;
  readonly #padding: string;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(users: readonly ClusterUser[], messagesPerSecond: number, messageBytes: number) {
    this.#users = users;
    this.#messagesPerSecond = messagesPerSecond;
    this.#padding = "x".repeat(messageBytes);
  }

  get ackedCount(): number {
    return this.#users.reduce((sum, { acks }) => sum + acks.size, 0);
  }

  start(): void {
    const startMs = performance.now();
    let count = 0;
    this.#timer = setInterval(() => {
      const due = (performance.now() - startMs) * this.#messagesPerSecond / 1000;
      while (count < due) this.#users[count++ % this.#users.length]!.publish(this.#padding);
    }, PACE_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Waits until every node tells a new member of the same members. */
async function membersAgree(
  cluster: ChorusCluster,
  rooms: readonly string[],
  users: readonly ClusterUser[],
): Promise<void> {
  for (const room of rooms) {
    const count = users.filter((user) => user.room === room && user.isConnected).length;
    for (const { host } of cluster.nodes) {
      for (let found = 0; found !== count + 1;) {
        await using peer = await ChorusPeer.open(`ws://${host}/ws?room=${room}`);
        found = peer.welcome.memberCount;
      }
    }
  }
}

function timesOf(
  users: readonly ClusterUser[],
  { startMs, endMs, affected }: FaultSpan,
): Pick<FaultFigures, "lastedMs" | "firstAckMs" | "recoveredMs" | "longestAckMs"> {
  const publishedMs = new Map(users.flatMap((user) => [...user.publishedMs]));
  let firstAckAtMs = Infinity;
  let lateAtMs = endMs;
  let longestAckMs = 0;
  const arrive = (id: string, atMs: number) => {
    const waitMs = atMs - (publishedMs.get(id) ?? atMs);
    if (waitMs > LATE_MS) lateAtMs = Math.max(lateAtMs, atMs);
    return waitMs;
  };
  for (const user of users) {
    const { acks, deliveries } = user;
    for (const [id, { atMs }] of acks) {
      longestAckMs = Math.max(longestAckMs, arrive(id, atMs));
      const isSince = affected.includes(user) && publishedMs.get(id)! >= startMs && atMs >= endMs;
      if (isSince) firstAckAtMs = Math.min(firstAckAtMs, atMs);
    }
    for (const { text, atMs } of deliveries) arrive(idOf(text), atMs);
  }
  return {
    lastedMs: endMs - startMs,
    firstAckMs: firstAckAtMs - endMs,
    recoveredMs: lateAtMs - endMs,
    longestAckMs,
  };
}

function countsOf(
  users: readonly ClusterUser[],
): Pick<FaultFigures, "gapCount" | "refusedCount" | "earlyAckCount"> {
  const total = (count: (user: ClusterUser) => number) =>
    users.reduce((sum, user) => sum + count(user), 0);
  return {
    gapCount: total(({ gapCount }) => gapCount),
    refusedCount: total(({ refusedCount }) => refusedCount),
    earlyAckCount: total(({ earlyAckCount }) => earlyAckCount),
  };
}

function sum(parts: readonly Differences[]): Differences {
  const total = (count: (part: Differences) => number) =>
    parts.reduce((sum, part) => sum + count(part), 0);
  return {
    ackedCount: total(({ ackedCount }) => ackedCount),
    lostCount: total(({ lostCount }) => lostCount),
    doubledCount: total(({ doubledCount }) => doubledCount),
    misorderedCount: total(({ misorderedCount }) => misorderedCount),
    otherHistoryCount: total(({ otherHistoryCount }) => otherHistoryCount),
    examples: parts.flatMap(({ examples }) => examples),
  };
}
