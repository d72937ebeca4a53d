import { freePort } from "../free_port.ts";
import { isMissing } from "../missing_program.ts";
import { adapt, snippets } from "../proxy/snippets.ts";

const HAPROXY_PATH = "/usr/sbin/haproxy";

/** Whether to skip tests with HAProxy. */
export const isHaproxyMissing = await isMissing({ path: HAPROXY_PATH, debianPackage: "haproxy" });

/** The ports of the two servers in the example of the manual. */
type ServerPorts = readonly [first: number, second: number];

/** HAProxy as a child process. It sends clients to the servers whose `/readyz` is 200. */
export class Haproxy implements AsyncDisposable {
  readonly port: number;
  readonly #process: Deno.ChildProcess;
  readonly #configPath: string;
  /** What it prints. */
  readonly #messages: Promise<string>;

  private constructor(port: number, process: Deno.ChildProcess, configPath: string) {
    this.port = port;
    this.#process = process;
    this.#configPath = configPath;
    this.#messages = new Response(process.stderr).text();
  }

  /** Starts HAProxy before servers on these ports, and waits until it accepts connections. */
  static async start(serverPorts: ServerPorts): Promise<Haproxy> {
    const port = freePort();
    const configPath = await Deno.makeTempFile({ suffix: ".cfg" });
    await Deno.writeTextFile(configPath, configOf(port, serverPorts));
    const process = new Deno.Command(HAPROXY_PATH, {
      args: ["-db", "-f", configPath],
      stdin: "null",
      stderr: "piped",
    }).spawn();
    const haproxy = new Haproxy(port, process, configPath);
    let hasEnded = false;
    process.status.then(() => hasEnded = true);
    while (!await accepts(port)) {
      if (hasEnded) throw new Error(`HAProxy did not start: ${await haproxy.#messages}`);
    }
    return haproxy;
  }

  /** Ends HAProxy with SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await Promise.all([this.#process.status, this.#messages]);
    await Deno.remove(this.#configPath);
  }
}

/** The example of the manual, with other ports. */
function configOf(port: number, [first, second]: ServerPorts): string {
  const [example] = snippets("haproxy", "README.md");
  return adapt(example!, {
    "bind :80": `bind 127.0.0.1:${port}`,
    "127.0.0.1:8001": `127.0.0.1:${first}`,
    "127.0.0.1:8002": `127.0.0.1:${second}`,
  });
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return false;
  }
}
