import { assertEquals, assertMatch } from "@std/assert";
import type { ChorusNode } from "./chorus_node.ts";
import type { ClusterUser } from "./cluster_user.ts";
import { all, type Fault, type FaultContext, type FaultSpan } from "./fault_run.ts";

/** The longest time for which a connection that flaps is cut, or is whole. */
const MAX_FLAP_MS = 500;

/** The time between the moves of two members. */
const MOVE_PAUSE_MS = 10;

/** The faults of a node, or of its connection to NATS. There is one NATS server. */
export const NODE_FAULTS: readonly Fault[] = [
  {
    name: "a node is killed",
    async act(context) {
      const { cluster: { nodes: [node] }, users } = context;
      const affected = usersOf(node!, users);
      const startMs = performance.now();
      await node!.kill();
      await haveLeft(context, users);
      await node!.restart();
      return { startMs, endMs: startMs, affected };
    },
  },
  {
    name: "a node stops for longer than --presence-ttl",
    async act(context) {
      const { cluster: { nodes: [node] }, users } = context;
      const affected = usersOf(node!, users);
      const startMs = performance.now();
      node!.stop();
      await haveLeft(context, users.filter((user) => !affected.includes(user)));
      node!.cont();
      return { startMs, endMs: performance.now(), affected };
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
    name: "a node is cut off from NATS, and stopped",
    async act({ cluster: { nodes: [node], proxies: [proxy] }, users }) {
      const affected = usersOf(node!, users);
      const startMs = performance.now();
      await proxy!.cut();
      await areHeld(affected, [node!]);
      assertEquals(await node!.terminate(), 0);
      const endMs = performance.now();
      proxy!.heal();
      await node!.restart();
      return { startMs, endMs, affected };
    },
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
  {
    name: "the connections of all nodes to NATS are cut again and again",
    async act({ cluster: { nodes, proxies }, users, holdMs }) {
      const startMs = performance.now();
      await Promise.all(proxies.map(async (proxy) => {
        while (performance.now() < startMs + holdMs) {
          await proxy.cut();
          await holdFor(MAX_FLAP_MS * Math.random());
          proxy.heal();
          await holdFor(MAX_FLAP_MS * Math.random());
        }
      }));
      const endMs = performance.now();
      await areStored(users, nodes);
      return { startMs, endMs, affected: users };
    },
  },
  {
    name: "members move from node to node",
    async act({ users, holdMs }) {
      const startMs = performance.now();
      while (performance.now() < startMs + holdMs) {
        users[Math.floor(users.length * Math.random())]!.move();
        await holdFor(MOVE_PAUSE_MS);
      }
      return { startMs, endMs: performance.now(), affected: users };
    },
  },
];

/** All NATS servers are killed, and started again with what they have stored. */
export const NATS_KILLED: Fault = {
  name: "NATS is killed",
  act: (context) => killNats(context, () => holdFor(context.holdMs)),
};

/** All NATS servers are killed, until every user had a message refused. */
export const HELD_BYTES_EXCEEDED: Fault = {
  name: "NATS is killed, and more is published than --max-held-bytes",
  messageBytes: 1500,
  act: (context) => killNats(context, () => allRefuse(context)),
};

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
      return { startMs, endMs: startMs, affected: users };
    },
  },
  {
    name: "everything is restarted, one after another",
    async act({ cluster: { nodes, natsServers, natsCluster }, users }) {
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
      return { startMs, endMs: performance.now(), affected: users };
    },
  },
];

function usersOf({ host }: ChorusNode, users: readonly ClusterUser[]): ClusterUser[] {
  return users.filter((user) => user.host === host);
}

/** Waits until users are told that the idle members of the first node have left. */
async function haveLeft({ idlers }: FaultContext, users: readonly ClusterUser[]): Promise<void> {
  const idlerOf = new Map(idlers.map((idler) => [idler.room, idler.id]));
  await all(users, ({ leftIds, room }) => leftIds.has(idlerOf.get(room)!));
}

/** Breaks the connection of the first node, and mends it. `held` waits in between. */
async function breakLink(
  context: FaultContext,
  act: (context: FaultContext, held: () => Promise<void>) => Promise<void>,
): Promise<FaultSpan> {
  const { cluster: { nodes }, users, holdMs } = context;
  const [node, ...others] = nodes;
  const affected = usersOf(node!, users);
  const startMs = performance.now();
  await act(context, async () => {
    await areHeld(affected, [node!]);
    for (const other of others) await other.readiness(200);
    await holdFor(holdMs);
  });
  const endMs = performance.now();
  await areStored(affected, [node!]);
  return { startMs, endMs, affected };
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
  await natsCluster?.leaderOf("chorus");
  const endMs = performance.now();
  await areStored(users, nodes);
  assertEquals(connects(), before, "Members stay connected");
  return { startMs, endMs, affected: users };
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
