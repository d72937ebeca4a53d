/** A way in which the server closes a connection. */
export interface CloseCode {
  readonly code: number;
  /** The reason in the close frame. */
  readonly reason: string;
  /** Whether a client should reconnect, after a jittered delay. */
  readonly reconnect: boolean;
}

/**
 * Every close code that Chorus sends or expects. Codes from 1000 to 1015 are those of RFC 6455
 * section 7.4.1 and IANA's registry. Of Chorus's own codes, clients may reconnect after 4000 to
 * 4499 and must not reconnect after 4500 to 4999.
 */
export const CLOSE_CODES = {
  /** Sent in answer to a client that closes. */
  normal: { code: 1000, reason: "normal closure", reconnect: false },
  /** Sent when the server stops or restarts. */
  goingAway: { code: 1001, reason: "going away", reconnect: true },
  /** Sent when a frame violates RFC 6455. */
  protocolError: { code: 1002, reason: "protocol error", reconnect: false },
  /** Sent when a binary message arrives and is not relayed: without `--binary`, or `chorus.v1`. */
  unsupportedData: { code: 1003, reason: "only text messages are relayed", reconnect: false },
  /** Sent when a text message is not UTF-8. */
  invalidPayload: { code: 1007, reason: "invalid UTF-8", reconnect: false },
  /** Not sent by Chorus. The load client gets it from other servers, and does not reconnect. */
  policyViolation: { code: 1008, reason: "policy violation", reconnect: false },
  /** Sent when a message is longer than `--max-message-bytes`. */
  messageTooBig: { code: 1009, reason: "message too big", reconnect: false },
  /** Sent when the server fails while it serves the connection. */
  internalError: { code: 1011, reason: "internal error", reconnect: true },
  /** Sent when the stream of messages has started over (`--nats`): old positions mean nothing. */
  startedOver: { code: 1012, reason: "messages have started over", reconnect: true },
  /** Sent when the stored messages that the client needs cannot be read (`--data`, `--nats`). */
  historyUnavailable: { code: 1013, reason: "stored messages cannot be read", reconnect: true },
  /**
   * Sent when the log has dropped messages that the client has not read (`--slow-reader close`).
   */
  tooSlow: { code: 4008, reason: "too slow", reconnect: true },
  /** Sent when a message of a plain text client cannot be stored (`--nats`). */
  notStored: { code: 4013, reason: "messages cannot be stored", reconnect: true },
  /**
   * Sent when the client exceeds `--message-rate` or `--byte-rate` (`--rate-policy close`), or its
   * address has sent too many wrong tokens (`--handshake-rate`).
   */
  rateLimited: { code: 4029, reason: "rate limit exceeded", reconnect: true },
  /** Sent when the token of the client has expired: it needs a new one to reconnect. */
  tokenExpired: { code: 4401, reason: "token expired", reconnect: true },
  /** Sent when an administrator closes the connection. */
  removed: { code: 4500, reason: "closed by an administrator", reconnect: false },
  /** Sent when the client does what its token does not allow. */
  notPermitted: { code: 4503, reason: "not permitted", reconnect: false },
  /** Sent when an administrator deletes the room. */
  roomDeleted: { code: 4504, reason: "the room was deleted", reconnect: false },
} as const satisfies Record<string, CloseCode>;

const BY_CODE = new Map<number, CloseCode>(
  Object.values(CLOSE_CODES).map((each) => [each.code, each]),
);

/**
 * Whether a client should reconnect after a close with this code. Returns true for unknown codes,
 * such as 1006: the connection ended without a close frame.
 */
export function shouldReconnect(code: number): boolean {
  return BY_CODE.get(code)?.reconnect ?? true;
}
