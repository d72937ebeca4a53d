import { writeText } from "./print_line.ts";

/** Where lines go. */
export interface LineTarget {
  readonly isTerminal: boolean;
  /** How many characters fit into a line. */
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

/** Back to the beginning of the line, and clear it. */
const CLEAR = "\r\x1b[2K";

/**
 * A line at the foot of a terminal that always says the latest, below lines that stay. Where there is no terminal, each
 * latest is a line of its own.
 */
export class LiveLine {
  readonly #target: LineTarget;
  #isShown = false;

  constructor(target: LineTarget) {
    this.#target = target;
  }

  /** Says the latest. */
  show(line: string): void {
    const { isTerminal, columns, write } = this.#target;
    if (!isTerminal) return write(`${line}\n`);
    this.#isShown = true;
    write(CLEAR + [...line].slice(0, columns() - 1).join(""));
  }

  /** Prints a line that stays. */
  print(line: string): void {
    this.clear();
    this.#target.write(`${line}\n`);
  }

  /** Takes the latest away, so that something else can be printed. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#target.write(CLEAR);
  }
}

/** Standard error. A terminal that says it is `dumb` cannot clear a line. */
export function standardError(): LineTarget {
  return {
    isTerminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb",
    columns: () => Deno.consoleSize().columns,
    // Whoever read this may have gone; the run goes on.
    write: (text) => void writeText(Deno.stderr, text),
  };
}
