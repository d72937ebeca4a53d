/** How the chat runs something later. Tests run it themselves. */
export interface Scheduler {
  /** Runs a function after the reads of sockets that are ready now. */
  readonly defer: (run: () => void) => void;
  /** Runs a function in the next turn of the event loop, after the reads of that turn. */
  readonly deferTurn: (run: () => void) => void;
  /** Runs a function after this many milliseconds. */
  readonly startTimer: (run: () => void, ms: number) => void;
}
