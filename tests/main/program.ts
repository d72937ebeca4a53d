import denoJson from "../../deno.json" with { type: "json" };
import { Mailbox } from "../socket/mailbox.ts";

const ROOT = new URL("../../", import.meta.url);

/** The exit code and the output of a program that has ended. */
export interface Ending {
  readonly code: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** The server or the client as a child process, with the permissions of its task in deno.json. */
export class Program implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #stdout: Lines;
  readonly #stderr: Lines;

  private constructor(path: string, args: readonly string[], env: Record<string, string>) {
    this.#process = new Deno.Command(path, {
      args: [...args],
      cwd: ROOT,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Lines(this.#process.stdout);
    this.#stderr = new Lines(this.#process.stderr);
  }

  /** Runs the command of a task without `deno task`. So a signal reaches only the program. */
  static start(
    task: "server" | "client" | "token",
    args: readonly string[],
    env: Record<string, string> = {},
  ): Program {
    const [, ...command] = denoJson.tasks[task].command.replaceAll("'", "").split(" ");
    return new Program(Deno.execPath(), [...command, ...args], env);
  }

  /** Runs a program that runs the server. */
  static startWith(path: string, args: readonly string[]): Program {
    return new Program(path, args, {});
  }

  /**
   * Runs the server in bash.
   *
   * @param script Returns the script, for the command that runs the server.
   */
  static startShell(script: (server: string) => string, args: readonly string[]): Program {
    const command = denoJson.tasks.server.command.replace("deno ", `"${Deno.execPath()}" `);
    return new Program("bash", ["-c", script(`${command} ${args.join(" ")}`)], {});
  }

  /**
   * Runs the server as a user for whom the permissions of files hold. Undefined if this is root and
   * cannot give up its privilege.
   */
  static startUnprivileged(args: readonly string[]): Program | undefined {
    const command = denoJson.tasks.server.command.replaceAll("'", "").split(" ").slice(1);
    const { stdout } = new Deno.Command("id", { args: ["-u"] }).outputSync();
    const isRoot = new TextDecoder().decode(stdout).trim() === "0";
    if (!isRoot) return new Program(Deno.execPath(), [...command, ...args], {});
    const drop = "--bounding-set=-dac_override,-dac_read_search";
    try {
      return new Program("setpriv", [drop, Deno.execPath(), ...command, ...args], {});
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Runs the program with `deno task`, as users do. */
  static startTask(task: "server" | "client", args: readonly string[]): Program {
    return new Program(Deno.execPath(), ["task", "--quiet", task, ...args], {});
  }

  /**
   * Resolves with the next line that matches. Each call starts after the line of the last one.
   *
   * @throws If the program ends without such a line.
   */
  stdoutLine(pattern: RegExp): Promise<string> {
    return this.#stdout.next(pattern);
  }

  /** Like {@linkcode stdoutLine}, for standard error. */
  stderrLine(pattern: RegExp): Promise<string> {
    return this.#stderr.next(pattern);
  }

  get pid(): number {
    return this.#process.pid;
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Sends a signal every 50 ms until the program has ended. */
  signalUntilEnded(signal: Deno.Signal): void {
    const timer = setInterval(() => this.#signalIfRunning(signal), 50);
    this.#process.status.then(() => clearInterval(timer));
  }

  /** Waits until the program has ended. */
  async ended(): Promise<Ending> {
    const [{ code }, stdout, stderr] = await Promise.all([
      this.#process.status,
      this.#stdout.all,
      this.#stderr.all,
    ]);
    return { code, stdout, stderr };
  }

  /** Ends the program with SIGKILL. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signalIfRunning("SIGKILL");
    await this.ended();
  }

  #signalIfRunning(signal: Deno.Signal): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended already.
    }
  }
}

/** Waits until a server listens, and returns its port. */
export async function portOf(server: Program): Promise<number> {
  const line = await server.stdoutLine(/listening on/i);
  return Number(line.match(/:(\d+)\//)![1]);
}

/** The lines of a stream: all of them, and one by one as they arrive. */
class Lines {
  readonly all: Promise<readonly string[]>;
  readonly #fresh = new Mailbox<string | undefined>();

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.all = this.#read(stream);
  }

  async next(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.#fresh.take();
      if (line === undefined) {
        throw new Error(`The program ended without a line like ${pattern}: ${await this.all}`);
      }
      if (pattern.test(line)) return line;
    }
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<readonly string[]> {
    const lines: string[] = [];
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split("\n");
      rest = parts.pop()!;
      for (const line of parts) {
        lines.push(line);
        this.#fresh.put(line);
      }
    }
    if (rest !== "") lines.push(rest);
    this.#fresh.put(undefined);
    return lines;
  }
}
