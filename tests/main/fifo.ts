/** A named pipe that a test reads only when it asks for a line. */
export class Fifo implements AsyncDisposable {
  readonly path: string;
  #file: Deno.FsFile | undefined;
  #rest = "";
  #decoder = new TextDecoder();

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<Fifo> {
    const path = `${await Deno.makeTempDir()}/fifo`;
    await new Deno.Command("mkfifo", { args: [path] }).output();
    return new Fifo(path);
  }

  /** Reads the next line; undefined at the end, when no process has the pipe open for writing. */
  async line(): Promise<string | undefined> {
    // Waits until a process opens it for writing.
    this.#file ??= await Deno.open(this.path);
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const bytes = new Uint8Array(4096);
      const count = await this.#file.read(bytes);
      if (count === null) return undefined;
      this.#rest += this.#decoder.decode(bytes.subarray(0, count), { stream: true });
    }
  }

  /**
   * Reads up to the next line that matches, and returns the lines read.
   *
   * @throws If there is no such line.
   */
  async linesTo(pattern: RegExp): Promise<string[]> {
    const lines: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line === undefined) throw new Error(`No line like ${pattern}: ${lines}`);
      lines.push(line);
      if (pattern.test(line)) return lines;
    }
  }

  /** Closes the reading end. The next line is read from a new one. */
  closeReader(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#rest = "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closeReader();
    await Deno.remove(this.path.replace(/\/fifo$/, ""), { recursive: true });
  }
}
