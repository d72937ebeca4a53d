import { portOf, Program } from "../main/program.ts";
import { SECRET } from "./attacks.ts";

/** Flags with which all attacks work. Bystanders need no token, but a wrong one is refused. */
function flagsOf(secretFile: string): readonly string[] {
  return [
    ...["--port", "0", "--log-level", "error"],
    ...["--admin-token-file", secretFile, "--token-secret-file", secretFile],
    ...["--anonymous", "publish"],
  ];
}

/** A server in a process of its own, for attacks. */
export class AttackedServer implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;
  readonly #secretFile: string;

  private constructor(program: Program, port: number, secretFile: string) {
    this.#program = program;
    this.port = port;
    this.#secretFile = secretFile;
  }

  static async start(flags: readonly string[]): Promise<AttackedServer> {
    const secretFile = await Deno.makeTempFile();
    await Deno.writeTextFile(secretFile, SECRET, { mode: 0o600 });
    const program = Program.start("server", [...flagsOf(secretFile), ...flags]);
    return new AttackedServer(program, await portOf(program), secretFile);
  }

  /** How many connections are in the chat. */
  async connectionCount(): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/admin/connections?limit=1000`, {
      headers: { authorization: `Bearer ${SECRET}` },
    });
    return (await response.json()).connections.length;
  }

  /** Stops the server, and returns the lines of errors that it has logged. */
  async stop(): Promise<readonly string[]> {
    this.#program.signal("SIGTERM");
    const { stderr } = await this.#program.ended();
    return stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await Deno.remove(this.#secretFile);
  }
}
