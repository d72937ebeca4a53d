import { NatsServer } from "../../cluster/nats_server.ts";
import { type Contender, contendersOf, type Running, start } from "../contenders.ts";
import { usageOf } from "../process_tree.ts";

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
  /** More flags of each node. */
  readonly flags?: readonly string[];
}

/** The configurations that are compared. The first is the one that the others add to. */
export const CONFIGURATIONS = [
  { name: "1 node without NATS", nodeCount: 1, hasNats: false },
  { name: "1 node", nodeCount: 1, hasNats: true },
  { name: "2 nodes", nodeCount: 2, hasNats: true },
  { name: "3 nodes", nodeCount: 3, hasNats: true },
] as const;

/** Starts servers, and NATS if they need it. They share all cores. */
export async function startCluster({ nodeCount, hasNats, flags }: ClusterSize): Promise<Cluster> {
  const nats = hasNats ? await NatsServer.start() : undefined;
  const nodes: Running[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    await nats?.[Symbol.asyncDispose]();
  };
  try {
    while (nodes.length < nodeCount) nodes.push(await startNode(nats, flags));
    return { nodes, nats, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts one server, with the command of its task. */
export function startNode(
  nats: NatsServer | undefined,
  flags: readonly string[] = [],
): Promise<Running> {
  // The first is Chorus, and needs no other programs.
  const [chorus] = contendersOf("") as [Contender];
  const cluster = nats ? ["--nats", nats.url] : [];
  return start({ ...chorus, command: [...chorus.command, ...cluster, ...flags] }, []);
}

/** The ports of the nodes, and the processes with NATS at the end, as the drivers take them. */
export function driverArgs({ nodes, nats }: Cluster): [ports: string, pids: string] {
  const pids = [...nodes.map(({ pid }) => pid), ...nats ? [nats.pid] : []];
  return [nodes.map(({ port }) => port).join(), pids.join()];
}

/** Divides what a driver has measured of each process: see {@linkcode driverArgs}. */
export function cpuOf(
  { nodeCount }: ClusterSize,
  cpuOfEach: readonly number[],
): { readonly nodes: number; readonly nats: number } {
  const nodes = cpuOfEach.slice(0, nodeCount).reduce((sum, cores) => sum + cores, 0);
  return { nodes, nats: cpuOfEach[nodeCount] ?? 0 };
}

/** The CPU time that a process has used. */
export function cpuSecondsOf(pid: number): number {
  const { userSeconds, kernelSeconds } = usageOf(pid);
  return userSeconds + kernelSeconds;
}

/** Runs a driver in its own process, and returns what it prints. */
export async function runDriver<T>(file: string, args: readonly string[]): Promise<T> {
  const driver = driverProcess<T>(file, args);
  const result = await driver.result;
  await driver.end();
  return result;
}

/** A driver that runs. */
export interface DriverProcess<T> {
  /** What it prints, in one line. Rejects if it ends before. */
  readonly result: Promise<T>;
  /** Lets it end, and waits for that. */
  end(): Promise<void>;
}

/** Starts a driver in its own process. */
export function driverProcess<T>(file: string, args: readonly string[]): DriverProcess<T> {
  const path = new URL(file, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-ffi", path, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const end = async () => {
    await child.stdin.close().catch(() => {});
    await child.status;
  };
  return { result: readResult(file, child.stdout), end };
}

async function readResult<T>(file: string, stdout: ReadableStream<Uint8Array>): Promise<T> {
  let text = "";
  for await (const piece of stdout.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (text.endsWith("\n")) return JSON.parse(text);
  }
  throw new Error(`${file} has failed`);
}
