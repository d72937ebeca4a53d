import { freePort } from "../free_port.ts";
import { isMissing } from "../missing_program.ts";

export const NATS_SERVER_PATH = "/usr/sbin/nats-server";

/** Whether to skip tests with NATS. */
export const isNatsMissing = await isMissing({
  path: NATS_SERVER_PATH,
  debianPackage: "nats-server",
});

export interface NatsServerOptions {
  /** The port of clients on 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** The folder of JetStream. It stays. Default: a new one, which is removed at the end. */
  readonly storeDir?: string;
  /**
   * More lines for the configuration file. A later setting replaces an earlier one: `jetstream:
   * false` turns JetStream off.
   */
  readonly conf?: string;
}

/** nats-server with JetStream, as a child process. It is ready for clients. */
export class NatsServer implements AsyncDisposable {
  readonly port: number;
  /** The address of the monitoring, `http://HOST:PORT`. */
  readonly monitoringUrl: string;
  /** Has the configuration file, and the store unless it is given. */
  readonly #folder: string;
  #run: Run;

  private constructor(port: number, monitoringPort: number, folder: string) {
    this.port = port;
    this.monitoringUrl = `http://127.0.0.1:${monitoringPort}`;
    this.#folder = folder;
    this.#run = new Run(this.#configPath);
  }

  /**
   * Starts a server, and waits until clients can connect.
   *
   * @throws If it ends before, with what it has printed.
   */
  static async start({ port, storeDir, conf }: NatsServerOptions = {}): Promise<NatsServer> {
    const folder = await Deno.makeTempDir();
    const clientPort = port ?? freePort();
    const monitoringPort = freePort();
    const lines = [
      `listen: "127.0.0.1:${clientPort}"`,
      `http: "127.0.0.1:${monitoringPort}"`,
      `jetstream: { store_dir: ${JSON.stringify(storeDir ?? `${folder}/store`)} }`,
      conf ?? "",
    ];
    await Deno.writeTextFile(`${folder}/nats.conf`, lines.join("\n"));
    const server = new NatsServer(clientPort, monitoringPort, folder);
    try {
      await server.#run.logged("Server is ready");
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** The address for clients, `nats://HOST:PORT`. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#run.pid;
  }

  /** What the server has printed since it started, or started again. */
  get log(): readonly string[] {
    return this.#run.lines;
  }

  /** Kills the server with SIGKILL, and waits until it has ended. */
  kill(): Promise<void> {
    return this.#run.kill();
  }

  /** Ends the server with SIGTERM, and waits until it has ended. */
  async terminate(): Promise<void> {
    this.#run.signal("SIGTERM");
    await this.#run.ended;
  }

  /**
   * Stops the server with SIGSTOP: connections stay, but nobody answers. Waits until that is so, as
   * the signal takes a moment.
   */
  async stop(): Promise<void> {
    this.#run.signal("SIGSTOP");
    const command = new Deno.Command("cat", { args: [`/proc/${this.pid}/status`] });
    const isStopped = async () => {
      const { stdout } = await command.output();
      return /^State:\s+T/m.test(new TextDecoder().decode(stdout));
    };
    while (!await isStopped());
  }

  /** Continues the server after {@linkcode stop}. */
  cont(): void {
    this.#run.signal("SIGCONT");
  }

  /**
   * Kills the server if it runs, and starts it again with the same port and store. Waits until
   * clients can connect.
   */
  async restart(): Promise<void> {
    await this.kill();
    this.#run = new Run(this.#configPath);
    await this.#run.logged("Server is ready");
  }

  /** Kills the server, and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #configPath(): string {
    return `${this.#folder}/nats.conf`;
  }
}

/** Servers of one cluster, with JetStream. A stream can have as many replicas. */
export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  /** The servers by their names in the cluster. */
  readonly #byName: ReadonlyMap<string, NatsServer>;

  private constructor(byName: ReadonlyMap<string, NatsServer>) {
    this.servers = [...byName.values()];
    this.#byName = byName;
  }

  /** Starts servers, and waits until a stream with a replica on each can be made. */
  static async start({ size }: { readonly size: number }): Promise<NatsCluster> {
    const routePorts = Array.from({ length: size }, freePort);
    const routes = routePorts.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
    const starts = routePorts.map(async (port, index) => {
      const name = `s${index}`;
      const conf = `
        server_name: ${name}
        cluster: { name: test, listen: "127.0.0.1:${port}", routes: [${routes}] }
      `;
      return [name, await NatsServer.start({ conf })] as const;
    });
    const cluster = new NatsCluster(new Map(await Promise.all(starts)));
    await cluster.formed();
    return cluster;
  }

  /** The addresses for clients. */
  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Waits until all servers have one leader, and it has heard of all of them lately. */
  async formed(): Promise<void> {
    await until(async () => {
      const views = await Promise.all(this.servers.map(jetStreamOf));
      const leaders = new Set(views.map((view) => view?.meta_cluster?.leader));
      const replicas = views.flatMap((view) => view?.meta_cluster?.replicas ?? []);
      const current = replicas.filter(({ current, offline }) => current && !offline);
      return leaders.size === 1 && current.length === this.servers.length - 1 ? true : undefined;
    });
  }

  /** Returns the server that leads a stream. Waits until there is one. */
  async leaderOf(stream: string): Promise<NatsServer> {
    return await until(async () => {
      for (const view of await Promise.all(this.servers.map(jetStreamOf))) {
        const leader = this.#byName.get(streamIn(view, stream)?.cluster?.leader ?? "");
        // A server that was killed may still be the leader for the others.
        if (leader && await jetStreamOf(leader)) return leader;
      }
      return undefined;
    });
  }

  /** Waits until every server is healthy, and has all that is in a stream. */
  async synced(stream: string): Promise<void> {
    await until(async () => {
      const areHealthy = await Promise.all(this.servers.map(isHealthy));
      if (areHealthy.includes(false)) return undefined;
      const views = await Promise.all(this.servers.map(jetStreamOf));
      // Only the leader knows of the others.
      return views.some((view) => {
        const replicas = streamIn(view, stream)?.cluster?.replicas ?? [];
        const current = replicas.filter(({ current, offline, lag }) => current && !offline && !lag);
        return current.length === this.servers.length - 1;
      }) || undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** The parts of the answer of `/jsz` that are read here. */
interface JetStreamView {
  readonly meta_cluster?: GroupView;
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly cluster?: GroupView }[];
  }[];
}

/** What a server knows of servers that have the same. */
interface GroupView {
  readonly leader?: string;
  /** The others, if it is the leader. */
  readonly replicas?: readonly {
    readonly current: boolean;
    readonly offline?: boolean;
    readonly lag?: number;
  }[];
}

function streamIn(view: JetStreamView | undefined, stream: string) {
  return view?.account_details?.flatMap((account) => account.stream_detail ?? [])
    .find(({ name }) => name === stream);
}

/** Asks a server about JetStream; undefined if it does not run. */
async function jetStreamOf(server: NatsServer): Promise<JetStreamView | undefined> {
  try {
    const response = await fetch(`${server.monitoringUrl}/jsz?accounts=true&streams=true`, {
      // A server that is stopped does not answer.
      signal: AbortSignal.timeout(1000),
    });
    return await response.json();
  } catch {
    return undefined;
  }
}

async function isHealthy({ monitoringUrl }: NatsServer): Promise<boolean> {
  const response = await fetch(`${monitoringUrl}/healthz`);
  await response.body?.cancel();
  return response.ok;
}

/** Asks every 20 ms until there is an answer. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One process of a server. */
class Run {
  readonly lines: string[] = [];
  readonly #process: Deno.ChildProcess;
  /** Resolves when the process has ended, and all that it printed has been read. */
  readonly ended: Promise<void>;
  #hasEnded = false;
  #onChange = Promise.withResolvers<void>();

  constructor(configPath: string) {
    this.#process = new Deno.Command(NATS_SERVER_PATH, {
      args: ["--config", configPath],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.ended = this.#follow();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Waits until the server has printed a text.
   *
   * @throws If it ends before, with what it has printed.
   */
  async logged(text: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(text))) {
      if (this.#hasEnded) throw new Error(`nats-server has ended: ${this.lines.join("\n")}`);
      await this.#onChange.promise;
    }
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  async kill(): Promise<void> {
    if (!this.#hasEnded) this.signal("SIGKILL");
    await this.ended;
  }

  /** Collects what the server prints until it has ended. */
  async #follow(): Promise<void> {
    let rest = "";
    for await (const chunk of this.#process.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#notify();
    }
    await this.#process.status;
    this.#hasEnded = true;
    this.#notify();
  }

  #notify(): void {
    this.#onChange.resolve();
    this.#onChange = Promise.withResolvers<void>();
  }
}
