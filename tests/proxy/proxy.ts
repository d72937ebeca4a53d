import type { ServerConfig } from "../../lib/server/config.ts";
import { freePort } from "../free_port.ts";
import type { NeededProgram } from "../missing_program.ts";
import { RawPeer } from "../socket/raw_peer.ts";

/** The certificate for localhost and 127.0.0.1 that the proxies use. */
export const CERT_PATH = new URL("../socket/tls_cert.pem", import.meta.url).pathname;
export const KEY_PATH = new URL("../socket/tls_key.pem", import.meta.url).pathname;
const CERT = await Deno.readTextFile(CERT_PATH);

/** The host in the examples of the manual. */
export const HOST = "chat.example";

/** How to run a proxy. */
export interface ProxyProgram extends NeededProgram {
  readonly name: string;
  /** The configuration that listens on these ports, before a server on `serverPort`. */
  readonly configOf: (ports: ProxyPorts) => string | Promise<string>;
  /** The arguments to start it with this configuration file, in the foreground. */
  readonly startArgs: (configPath: string) => readonly string[];
  /** The signal, or the arguments, that make it read its configuration file again. */
  readonly reload: "SIGUSR2" | ((configPath: string) => readonly string[]);
  /** Whether open WebSockets survive a reload. */
  readonly keepsConnections: boolean;
  /** Whether it reads requests, and so refuses some; true by default. */
  readonly isHttp?: boolean;
  /** The engines that work behind it; all by default. */
  readonly engines?: readonly ServerConfig["engine"][];
}

/** The ports of a {@linkcode Proxy}. */
export interface ProxyPorts {
  readonly ports: readonly number[];
  readonly serverPort: number;
  /** An empty folder, removed when the proxy has ended. */
  readonly folder: string;
}

/**
 * Creates an HTTP client at this address. It accepts the proxy's certificate. It may send any host,
 * so it must not use HTTP/2.
 */
export function clientAt(localAddress: string): Deno.HttpClient {
  return Deno.createHttpClient({ caCerts: [CERT], localAddress, allowHost: true, http2: false });
}

/** A reverse proxy as a child process, with the example of the manual as its configuration. */
export class Proxy implements AsyncDisposable {
  readonly port: number;
  readonly #program: ProxyProgram;
  readonly #serverPort: number;
  readonly #folder: string;
  #process: Deno.ChildProcess | undefined;
  #hasEnded = false;
  /** What it prints. */
  #messages: Promise<string> | undefined;

  private constructor(program: ProxyProgram, serverPort: number, folder: string) {
    this.port = freePort();
    this.#program = program;
    this.#serverPort = serverPort;
    this.#folder = folder;
  }

  /** Starts a proxy before a server on this port, and waits until it passes requests on. */
  static async start(program: ProxyProgram, serverPort: number): Promise<Proxy> {
    const folder = await Deno.makeTempDir();
    const proxy = new Proxy(program, serverPort, folder);
    await Deno.chmod(folder, 0o755); // The workers may be another user.
    await proxy.#configure([proxy.port]);
    proxy.#process = proxy.#command(program.startArgs(proxy.#configPath)).spawn();
    proxy.#process.status.then(() => proxy.#hasEnded = true);
    proxy.#messages = new Response(proxy.#process.stderr).text();
    try {
      await proxy.#isReady(proxy.port);
      return proxy;
    } catch (error) {
      await proxy[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Reloads the configuration, with one more port, and waits until the new processes have answered
   * on it.
   */
  async reload(): Promise<void> {
    const { reload } = this.#program;
    const port = freePort();
    await this.#configure([this.port, port]);
    if (typeof reload !== "string") {
      await this.#command(reload(this.#configPath)).output();
      return await this.#isReady(port);
    }
    while (!await handlesUsr2(this.#process!.pid)); // Until then, the signal would end it.
    this.#process!.kill(reload);
    // HAProxy 2.6 may miss a signal.
    const timer = setInterval(() => this.#process!.kill(reload), 1000);
    await this.#isReady(port).finally(() => clearInterval(timer));
  }

  /** Sends a request with exactly this target, and returns the status of the response. */
  async request(target: string): Promise<number> {
    const conn = await Deno.connectTls({ hostname: "127.0.0.1", port: this.port, caCerts: [CERT] });
    using peer = RawPeer.over(conn);
    await peer.send(`GET ${target} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
    return Number((await peer.readHead()).split(" ")[1]);
  }

  /** Ends the proxy. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#hasEnded) this.#process!.kill("SIGTERM");
    await Promise.all([this.#process!.status, this.#messages]);
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #configPath(): string {
    return `${this.#folder}/proxy.conf`;
  }

  async #configure(ports: readonly number[]): Promise<void> {
    const options = { ports, serverPort: this.#serverPort, folder: this.#folder };
    await Deno.writeTextFile(this.#configPath, await this.#program.configOf(options));
  }

  #command(args: readonly string[]): Deno.Command {
    return new Deno.Command(this.#program.path, {
      args: [...args],
      env: { XDG_DATA_HOME: this.#folder, XDG_CONFIG_HOME: this.#folder },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    });
  }

  async #isReady(port: number): Promise<void> {
    using client = clientAt("127.0.0.1");
    for (;;) {
      if (this.#hasEnded) throw new Error(`The proxy has ended: ${await this.#messages}`);
      try {
        const response = await fetch(`https://127.0.0.1:${port}/readyz`, { client });
        const text = await response.text();
        if (response.ok) return;
        // The proxy has no server yet.
        if (response.status < 500) throw new Error(`The proxy answers ${response.status}: ${text}`);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // It does not listen yet.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Whether a process has installed its handler for SIGUSR2, which is signal 12. */
async function handlesUsr2(pid: number): Promise<boolean> {
  // Deno reads /proc only with all permissions.
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const [, caught] = new TextDecoder().decode(stdout).match(/^SigCgt:\s*(\w+)$/m)!;
  return (BigInt(`0x${caught}`) & 1n << 11n) !== 0n;
}
