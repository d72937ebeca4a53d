import { writeText } from "./print_line.ts";

/** The stream that a {@linkcode LiveLine} writes to. */
export interface LineTarget {
  readonly isTerminal: boolean;
  /** Returns the width of the terminal in characters. */
  readonly columns: () => number;
  readonly write: (text: string) => void;
}

/** Moves to the start of the line and clears it. */
const CLEAR = "\r\x1b[2K";

/**
 * A status line at the bottom of a terminal, below lines that stay. Without a terminal, each status
 * is printed as a line of its own.
 */
export class LiveLine {
  readonly #target: LineTarget;
  #isShown = false;

  constructor(target: LineTarget) {
    this.#target = target;
  }

  /** Replaces the status line. Cuts it to the width of the terminal. */
  show(line: string): void {
    const { isTerminal, columns, write } = this.#target;
    if (!isTerminal) return write(`${line}\n`);
    this.#isShown = true;
    write(CLEAR + [...line].slice(0, columns() - 1).join(""));
  }

  /** Prints a line that stays, and removes the status line. */
  print(line: string): void {
    this.clear();
    this.#target.write(`${line}\n`);
  }

  /** Removes the status line, so that something else can be printed. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#target.write(CLEAR);
  }
}

/** Returns standard error. `TERM=dumb` counts as no terminal, because it cannot clear a line. */
export function standardError(): LineTarget {
  return {
    isTerminal: Deno.stderr.isTerminal() && Deno.env.get("TERM") !== "dumb",
    columns: () => Deno.consoleSize().columns,
    // The program continues even if the reader of standard error is gone.
    write: (text) => void writeText(Deno.stderr, text),
  };
}
