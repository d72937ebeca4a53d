/** The exit codes of the server and the load client. */
export const EXIT_CODE = {
  /** The program did what was asked. */
  ok: 0,
  /**
   * The server could not start. The client could not connect, lost a connection for good, or did
   * not prove delivery.
   */
  failure: 1,
  /** The flags or the environment are wrong. Nothing was started. */
  usage: 2,
  /** A measured run failed a gate of `--expect`, or no rate passed `--find-max`. */
  gate: 99,
  /** The user interrupted the client with Ctrl-C, or either program with a second Ctrl-C. */
  interrupted: 130,
} as const;
