import { ChorusNode } from "./chorus_node.ts";
import { NatsProxy } from "./nats_proxy.ts";
import { NatsCluster, NatsServer } from "./nats_server.ts";

export interface ChorusClusterOptions {
  readonly nodeCount: number;
  /** One NATS server with a proxy before it for each node, or a cluster of three. */
  readonly natsCount: 1 | 3;
  /** More flags of the nodes. */
  readonly args?: readonly string[];
}

/** Servers of one chat, with their NATS servers, as processes. */
export class ChorusCluster implements AsyncDisposable {
  readonly nodes: readonly ChorusNode[];
  readonly natsServers: readonly NatsServer[];
  /** One for each node; none before a cluster of NATS servers. */
  readonly proxies: readonly NatsProxy[];
  readonly natsCluster: NatsCluster | undefined;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    parts: Pick<ChorusCluster, "nodes" | "natsServers" | "proxies" | "natsCluster">,
    opened: AsyncDisposableStack,
  ) {
    this.nodes = parts.nodes;
    this.natsServers = parts.natsServers;
    this.proxies = parts.proxies;
    this.natsCluster = parts.natsCluster;
    this.#opened = opened;
  }

  /** Starts everything, and waits until it is ready. */
  static async start(options: ChorusClusterOptions): Promise<ChorusCluster> {
    const { nodeCount, natsCount, args = [] } = options;
    await using opened = new AsyncDisposableStack();
    const natsCluster = natsCount === 3
      ? opened.use(await NatsCluster.start({ size: natsCount }))
      : undefined;
    const natsServers = natsCluster?.servers ?? [opened.use(await NatsServer.start())];
    const proxies = natsCluster
      ? []
      : Array.from({ length: nodeCount }, () => opened.use(NatsProxy.start(natsServers[0]!.port)));
    const nodes: ChorusNode[] = [];
    for (let index = 0; index < nodeCount; index++) {
      const urls = natsCluster?.urls ?? [proxies[index]!.url];
      const flags = urls.map((url) => `--nats=${url}`);
      flags.push(`--nats-replicas=${natsCount}`, "--history-messages=0", ...args);
      nodes.push(opened.use(await ChorusNode.start(flags)));
    }
    const parts = { nodes, natsServers, proxies, natsCluster };
    return new ChorusCluster(parts, opened.move());
  }

  /** The addresses of the nodes, from one on. */
  hostsFrom(index: number): string[] {
    const hosts = this.nodes.map(({ host }) => host);
    const start = index % hosts.length;
    return [...hosts.slice(start), ...hosts.slice(0, start)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}
