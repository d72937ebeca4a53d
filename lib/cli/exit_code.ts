/** What the two programs tell the shell. */
export const EXIT_CODE = {
  /** All went well. */
  ok: 0,
  /** The server could not start; the client could not connect, lost a connection for good, or did not prove delivery. */
  failure: 1,
  /** The flags or the environment are wrong; nothing was started. */
  usage: 2,
  /** A measured run did not hold what `--expect` asked of it. */
  gate: 99,
  /** The user stopped it: the client after Ctrl-C, either program after a second one. */
  interrupted: 130,
} as const;
