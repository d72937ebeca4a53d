import denoJson from "../../deno.json" with { type: "json" };

/** The npm packages of the other servers, with their versions. */
const PEERS = { bun: "1.4.5", ws: "8.23.0" };

const ROOT = new URL("../../", import.meta.url).pathname;
const HERE = new URL("servers/", import.meta.url).pathname;

/** A server of the comparison. */
export interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Installs the other servers into a directory. */
export async function installPeers(directory: string): Promise<void> {
  const packages = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`);
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--no-save", "--ignore-scripts", "--prefix", directory, ...packages],
  }).output();
  if (!success) {
    throw new Error(`Cannot install the npm packages: ${new TextDecoder().decode(stderr)}`);
  }
}

/** Returns all servers of the comparison, Chorus first. */
export function contendersOf(directory: string): readonly Contender[] {
  // Measure what users run: the command of the server's task.
  const task = denoJson.tasks.server.command.replaceAll("'", "").split(" ");
  const chorus = [Deno.execPath(), ...task.slice(1, -1), `${ROOT}server.ts`, "--port", "0"];
  // The other servers log nothing, so Chorus must not log each connection either.
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

/** Returns where npm puts the binary. Install scripts would move it, but they are off. */
function bun(directory: string): string {
  const arch = Deno.build.arch === "x86_64" ? "x64" : "aarch64";
  return `${directory}/node_modules/@oven/bun-linux-${arch}/bin/bun`;
}

/** Returns the installed versions, for results.json. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
  const node = new TextDecoder().decode(stdout).trim().slice(1);
  return { Deno: Deno.version.deno, Bun: PEERS.bun, Node: node, ws: PEERS.ws };
}

/** A running server. */
export interface Running extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/** Starts a server and waits until it listens. `prefix` is a command such as `taskset -c 0`. */
export async function start(
  { name, command, env = {} }: Contender,
  prefix: readonly string[],
): Promise<Running> {
  const [program, ...args] = [...prefix, ...command] as [string, ...string[]];
  const child = new Deno.Command(program, { args, env, stdout: "piped", stderr: "inherit" })
    .spawn();
  const port = Promise.withResolvers<number>();
  // Read all output: a server would block on a full pipe.
  const reading = (async () => {
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const found = text.match(/(?:^|:)(\d+)\/?\s/);
      if (found) port.resolve(Number(found[1]));
    }
    port.reject(new Error(`${name} ended before it listened`));
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
