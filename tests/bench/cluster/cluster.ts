import { NatsServer } from "../../cluster/nats_server.ts";
import { type Contender, contendersOf, type Running, start } from "../contenders.ts";

/** Servers that are one chat, and what makes them one. */
export interface Cluster extends AsyncDisposable {
  readonly nodes: readonly Running[];
  /** Undefined if the only node has no NATS. */
  readonly nats: NatsServer | undefined;
}

/** How many nodes to start, and whether NATS joins them. */
export interface ClusterSize {
  readonly nodeCount: number;
  readonly hasNats: boolean;
}

/** Starts servers, and NATS if they need it. They share all cores. */
export async function startCluster({ nodeCount, hasNats }: ClusterSize): Promise<Cluster> {
  const nats = hasNats ? await NatsServer.start() : undefined;
  const nodes: Running[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    await nats?.[Symbol.asyncDispose]();
  };
  try {
    while (nodes.length < nodeCount) nodes.push(await startNode(nats));
    return { nodes, nats, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts one server, with the command of its task. */
export function startNode(nats: NatsServer | undefined): Promise<Running> {
  // The first is Chorus, and needs no other programs.
  const [chorus] = contendersOf("") as [Contender];
  const flags = nats ? ["--nats", nats.url] : [];
  return start({ ...chorus, command: [...chorus.command, ...flags] }, []);
}

/** The ports of the nodes, and the processes with NATS at the end, as the drivers take them. */
export function driverArgs({ nodes, nats }: Cluster): [ports: string, pids: string] {
  const pids = [...nodes.map(({ pid }) => pid), ...nats ? [nats.pid] : []];
  return [nodes.map(({ port }) => port).join(), pids.join()];
}

/** Runs a program of this folder or a driver in its own process, and returns what it prints. */
export async function runDriver<T>(file: string, args: readonly string[]): Promise<T> {
  const path = new URL(file, import.meta.url).pathname;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", path, ...args],
  }).output();
  if (!success) throw new Error(`${file} failed: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
