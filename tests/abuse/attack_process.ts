import type { AttackOptions, Target } from "./attacks.ts";

/** What an {@linkcode AttackProcess} tells its process: to attack, or to end the attack. */
export type Order =
  | { readonly kind: "end" }
  | {
    readonly kind: "attack";
    readonly name: string;
    readonly target: Target;
    readonly size: number | null;
    readonly paceMs: number;
  };

/**
 * Attacks a server from a process of its own. So an attack that keeps its own event loop busy does
 * not look like a server that is slow.
 */
export class AttackProcess implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  #text = "";

  /** @param prefix A command such as `taskset -c 1`. */
  constructor(prefix: readonly string[] = []) {
    const main = new URL("attack_main.ts", import.meta.url).pathname;
    const command = [...prefix, Deno.execPath(), "run", "--allow-net", main];
    this.#process = new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.#output = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Runs the attack with this name. Returns what the attacker got. */
  async run(
    name: string,
    target: Target,
    { size, paceMs, signal }: AttackOptions,
  ): Promise<string> {
    await this.#order({ kind: "attack", name, target, size, paceMs });
    const end = () => this.#order({ kind: "end" });
    signal.addEventListener("abort", end);
    try {
      return JSON.parse(await this.#readLine());
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#input.abort();
    await this.#output.cancel();
    await this.#process.status;
  }

  async #order(order: Order): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${JSON.stringify(order)}\n`));
  }

  async #readLine(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { value } = await this.#output.read();
      if (value === undefined) throw new Error("The attacking process has ended");
      this.#text += value;
    }
    const line = this.#text.slice(0, this.#text.indexOf("\n"));
    this.#text = this.#text.slice(line.length + 1);
    return line;
  }
}
