import denoJson from "../../deno.json" with { type: "json" };

/** The peers that come from npm, pinned. */
const PEERS = { bun: "1.4.5", ws: "8.23.0" };

const ROOT = new URL("../../", import.meta.url).pathname;
const HERE = new URL("servers/", import.meta.url).pathname;

/** A server that takes part. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Installs the peers into a directory. */
export async function installPeers(directory: string): Promise<void> {
  const packages = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`);
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--no-save", "--ignore-scripts", "--prefix", directory, ...packages],
  }).output();
  if (!success) {
    throw new Error(`Cannot install the peers: ${new TextDecoder().decode(stderr)}`);
  }
}

/** Everybody who takes part, Chorus first. */
export function contendersOf(directory: string): readonly Contender[] {
  // The server's own task, so that what is measured is what people run.
  const task = denoJson.tasks.server.command.replaceAll("'", "").split(" ");
  const chorus = [Deno.execPath(), ...task.slice(1, -1), `${ROOT}server.ts`, "--port", "0"];
  // A line a connection would be measured too, and the others log nothing.
  const quiet = ["--log-level", "warning"];
  const deno = [Deno.execPath(), "run", "--allow-net"];
  return [
    { name: "Chorus", command: [...chorus, ...quiet] },
    { name: "Bun publish", command: [bun(directory), `${HERE}bun_publish.ts`] },
    { name: "Chorus --engine serve", command: [...chorus, ...quiet, "--engine", "serve"] },
    { name: "Deno.serve loop", command: [...deno, `${HERE}deno_loop.ts`] },
    {
      name: "Node ws loop",
      command: ["node", `${HERE}node_ws.cjs`],
      env: { NODE_PATH: `${directory}/node_modules` },
    },
  ];
}

/** Where npm puts the binary; a script would copy it, but none are run. */
function bun(directory: string): string {
  const arch = Deno.build.arch === "x86_64" ? "x64" : "aarch64";
  return `${directory}/node_modules/@oven/bun-linux-${arch}/bin/bun`;
}

/** What is installed, for the record. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
  const node = new TextDecoder().decode(stdout).trim().slice(1);
  return { Deno: Deno.version.deno, Bun: PEERS.bun, Node: node, ws: PEERS.ws };
}

/** A server that runs. */
export interface Running extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** Starts a contender with this prefix, such as `taskset -c 0`, and waits until it listens. */
export async function start(
  { name, command, env = {} }: Contender,
  prefix: readonly string[],
): Promise<Running> {
  const [program, ...args] = [...prefix, ...command] as [string, ...string[]];
  const child = new Deno.Command(program, { args, env, stdout: "piped", stderr: "inherit" })
    .spawn();
  const port = Promise.withResolvers<number>();
  // It is read to the end, so that no server waits for somebody to read what it prints.
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const found = text.match(/(?:^|:)(\d+)\/?\s/);
      if (found) port.resolve(Number(found[1]));
    }
    port.reject(new Error(`${name} has ended before it listened`));
  })();
  const stop = async () => {
    await child.status;
    await reading;
  };
  try {
    return {
      port: await port.promise,
      pid: child.pid,
      [Symbol.asyncDispose]: () => {
        child.kill("SIGKILL");
        return stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
