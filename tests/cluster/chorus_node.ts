import { freePort } from "../free_port.ts";
import { Program } from "../main/program.ts";

/** A stored message, as the HTTP API lists it. */
export interface StoredMessage {
  readonly position: string;
  readonly text: string;
}

/** A Chorus server as a process. It can be started again on its port. */
export class ChorusNode implements AsyncDisposable {
  readonly #port: number;
  readonly #args: readonly string[];
  #program: Program;

  private constructor(port: number, args: readonly string[]) {
    this.#port = port;
    this.#args = args;
    this.#program = this.#run();
  }

  /** Starts a server, and waits until it is ready. */
  static async start(args: readonly string[]): Promise<ChorusNode> {
    const node = new ChorusNode(freePort(), args);
    await node.#listens();
    return node;
  }

  /** The host and the port. */
  get host(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Ends the server with SIGKILL. */
  async kill(): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }

  /** Stops the server with SIGSTOP: connections stay, but nobody answers. */
  stop(): void {
    this.#program.signal("SIGSTOP");
  }

  /** Continues the server after {@linkcode stop}. */
  cont(): void {
    this.#program.signal("SIGCONT");
  }

  /** Ends the server with SIGTERM, so that it drains. Returns its exit code. */
  async terminate(): Promise<number> {
    this.#program.signal("SIGTERM");
    return (await this.#program.ended()).code;
  }

  /** Starts the server again after its end, and waits until it is ready. */
  async restart(): Promise<void> {
    this.#program = this.#run();
    await this.#listens();
  }

  /** Waits until `/readyz` has this status. Returns the reasons. */
  async readiness(status: 200 | 503): Promise<string> {
    for (;;) {
      const response = await fetch(`http://${this.host}/readyz`);
      const text = await response.text();
      if (response.status === status) return text;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Publishes a message without an author, and waits until it is stored. */
  async publish(room: string, text: string): Promise<void> {
    const response = await fetch(`http://${this.host}/rooms/${room}/messages`, {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: text,
    });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`Cannot publish: ${response.status} ${answer}`);
  }

  /** All stored messages of a room, in order. */
  async history(room: string): Promise<StoredMessage[]> {
    const messages: StoredMessage[] = [];
    for (let path = `/rooms/${room}/messages?limit=1000`; path !== "";) {
      const response = await fetch(`http://${this.host}${path}`);
      if (response.status !== 200) {
        throw new Error(`Cannot read: ${response.status} ${await response.text()}`);
      }
      for (const { position, text } of (await response.json()).messages) {
        messages.push({ position, text });
      }
      path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1] ?? "";
    }
    return messages;
  }

  /** The last lines that the server logged. Call it when the server has ended. */
  async lastLines(count: number): Promise<readonly string[]> {
    const { stdout, stderr } = await this.#program.ended();
    return [...stdout.slice(-count), ...stderr.slice(-count)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #run(): Program {
    return Program.start("server", [`--port=${this.#port}`, ...this.#args]);
  }

  async #listens(): Promise<void> {
    try {
      await this.#program.stdoutLine(/listening on/);
    } catch (error) {
      await this.kill();
      throw new Error((await this.lastLines(20)).join("\n"), { cause: error });
    }
  }
}
