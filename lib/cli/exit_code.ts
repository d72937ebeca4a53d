/** What the two programs tell the shell. */
export const EXIT_CODE = {
  /** All went well. */
  ok: 0,
  /** The server could not start; the client could not connect, or lost a connection for good. */
  failure: 1,
  /** The flags or the environment are wrong; nothing was started. */
  usage: 2,
  /** The user stopped it: the client after Ctrl-C, either program after a second one. */
  interrupted: 130,
} as const;
