import { assertEquals, assertMatch } from "@std/assert";
import type { ChorusNode } from "./chorus_node.ts";
import type { ClusterUser } from "./cluster_user.ts";
import { all, type Fault, type FaultContext, type FaultSpan } from "./fault_run.ts";

/** The faults of a node, or of its connection to NATS. There is one NATS server. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    name: "a node is killed",
    async act({ cluster: { nodes: [node] }, users, idlers }) {
      const idlerOf = new Map(idlers.map((idler) => [idler.room, idler.id]));
      const startMs = performance.now();
      await node!.kill();
      // The others are told of it after --presence-ttl at the latest.
      await all(users, ({ leftIds, room }) => leftIds.has(idlerOf.get(room)!));
      await node!.restart();
      return { startMs, endMs: startMs };
    },
  },
  {
    name: "a node is cut off from NATS",
    act: (context) =>
      breakLink(context, async ({ cluster: { proxies: [proxy] } }, held) => {
        await proxy!.cut();
        await held();
        proxy!.heal();
      }),
  },
  {
    name: "the connection of a node to NATS freezes",
    act: (context) =>
      breakLink(context, async ({ cluster: { proxies: [proxy] } }, held) => {
        proxy!.freeze();
        await held();
        proxy!.heal();
      }),
  },
  {
    name: "the connection freezes, and what is on its way is lost",
    act: (context) =>
      breakLink(context, async ({ cluster: { proxies: [proxy] } }, held) => {
        proxy!.freeze();
        await held();
        await proxy!.cut();
        proxy!.heal();
      }),
  },
];

/** All NATS servers are killed, and started again with what they have stored. */
export const NATS_KILLED: Fault = {
  name: "NATS is killed",
  act: (context) => killNats(context, () => holdFor(context.holdMs)),
};

/** The faults of the NATS server. */
export const NATS_FAULTS: readonly Fault[] = [
  NATS_KILLED,
  {
    name: "NATS is killed, and more is published than --max-held-bytes",
    messageBytes: 4000,
    act: (context) => killNats(context, () => allRefuse(context)),
  },
];

/** The faults of a cluster of NATS servers. */
export const NATS_CLUSTER_FAULTS: readonly Fault[] = [
  {
    name: "the NATS server that leads the stream is killed",
    async act({ cluster: { natsCluster }, users }) {
      const leader = await natsCluster!.leaderOf("chorus");
      const startMs = performance.now();
      await leader.kill();
      await all(users, ({ newestAckedMs }) => newestAckedMs > startMs);
      await leader.restart();
      await natsCluster!.formed();
      return { startMs, endMs: startMs };
    },
  },
  {
    name: "everything is restarted, one after another",
    async act({ cluster: { nodes, natsServers, natsCluster } }) {
      const startMs = performance.now();
      for (const node of nodes) {
        assertEquals(await node.terminate(), 0);
        await node.restart();
        await node.readiness(200);
      }
      for (const server of natsServers) {
        await server.terminate();
        await server.restart();
        await natsCluster!.formed();
        await natsCluster!.synced("chorus");
      }
      return { startMs, endMs: performance.now() };
    },
  },
];

/** Breaks the connection of the first node, and mends it. `held` waits in between. */
async function breakLink(
  context: FaultContext,
  act: (context: FaultContext, held: () => Promise<void>) => Promise<void>,
): Promise<FaultSpan> {
  const { cluster: { nodes }, users, holdMs } = context;
  const [node, ...others] = nodes;
  const affected = users.filter(({ host }) => host === node!.host);
  const startMs = performance.now();
  await act(context, async () => {
    await areHeld(affected, [node!]);
    for (const other of others) await other.readiness(200);
    await holdFor(holdMs);
  });
  const endMs = performance.now();
  await areStored(affected, [node!]);
  return { startMs, endMs };
}

/** Kills all NATS servers, and starts them again with what they have stored. */
async function killNats(
  { cluster: { natsServers, natsCluster, nodes }, users }: FaultContext,
  held: () => Promise<void>,
): Promise<FaultSpan> {
  const connects = () => users.map(({ connectCount }) => connectCount);
  const before = connects();
  const startMs = performance.now();
  await Promise.all(natsServers.map((server) => server.kill()));
  await areHeld(users, nodes);
  await held();
  await Promise.all(natsServers.map((server) => server.restart()));
  await natsCluster?.formed();
  const endMs = performance.now();
  await areStored(users, nodes);
  assertEquals(connects(), before, "Members stay connected");
  return { startMs, endMs };
}

/** Waits until messages are held, and users and operators are told. */
async function areHeld(
  users: readonly ClusterUser[],
  nodes: readonly ChorusNode[],
): Promise<void> {
  await all(users, ({ isStoring }) => !isStoring);
  for (const node of nodes) assertMatch(await node.readiness(503), /NATS/);
}

async function areStored(
  users: readonly ClusterUser[],
  nodes: readonly ChorusNode[],
): Promise<void> {
  await all(users, ({ isStoring }) => isStoring);
  for (const node of nodes) await node.readiness(200);
}

/** Waits until every user had a message refused, and nodes hold as much as they may. */
async function allRefuse({ users }: FaultContext): Promise<void> {
  const before = new Map(users.map((user) => [user, user.refusedCount]));
  await all(users, (user) => user.refusedCount > before.get(user)!);
}

/** A fault lasts for a while. */
function holdFor(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
