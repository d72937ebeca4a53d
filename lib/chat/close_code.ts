/** One way in which the server ends a connection. */
export interface CloseCode {
  readonly code: number;
  /** What the close frame says beside the code. */
  readonly reason: string;
  /** Whether a client should come back, after a jittered delay. */
  readonly reconnect: boolean;
}

/**
 * Every close code that Chorus issues or expects. 1000 to 1015 are RFC 6455 section 7.4.1.
 */
export const CLOSE_CODES = {
  /** Issued when the client closes, as the answer to it. */
  normal: { code: 1000, reason: "normal closure", reconnect: false },
  /** Issued when the server drains: it is stopping or restarting. */
  goingAway: { code: 1001, reason: "going away", reconnect: true },
  /** Issued when a frame breaks RFC 6455. */
  protocolError: { code: 1002, reason: "protocol error", reconnect: false },
  /** Issued when a binary message arrives and the server does not relay them (`--binary`). */
  unsupportedData: { code: 1003, reason: "only text messages are relayed", reconnect: false },
  /** Issued when a text message is not UTF-8. */
  invalidPayload: { code: 1007, reason: "invalid UTF-8", reconnect: false },
  /** Issued when a client breaks a rule that has no code of its own. */
  policyViolation: { code: 1008, reason: "policy violation", reconnect: false },
  /** Issued when a message is longer than the server takes. */
  messageTooBig: { code: 1009, reason: "message too big", reconnect: false },
  /** Issued when the server fails while it serves this connection. */
  internalError: { code: 1011, reason: "internal error", reconnect: true },
  /** Issued when a reader is so far behind that the log has dropped what it has not read (`--slow-reader close`). */
  tooSlow: { code: 4008, reason: "too slow", reconnect: true },
} as const satisfies Record<string, CloseCode>;

const BY_CODE = new Map<number, CloseCode>(
  Object.values(CLOSE_CODES).map((each) => [each.code, each]),
);

/**
 * Whether a client should come back after a close with this code. A code that is not in the catalogue says nothing
 * against it: 1006, a connection that ended without a close frame, is the usual case.
 */
export function shouldReconnect(code: number): boolean {
  return BY_CODE.get(code)?.reconnect ?? true;
}
