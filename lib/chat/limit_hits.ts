/** How many times each limit was reached. Whoever enforces a limit adds to it. */
export interface LimitHits {
  /** Refused by `--max-connections`. */
  connections: number;
  /** Refused by `--max-connections-per-address`. */
  connectionsPerAddress: number;
  /** Refused by `--handshake-rate`. */
  handshakesPerAddress: number;
  /** Pauses and closes by `--message-rate`. */
  messages: number;
  /** Pauses and closes by `--byte-rate`. */
  bytes: number;
  /** Refused by `--max-rooms`. */
  rooms: number;
  /** Refused by `--max-room-members`. */
  roomMembers: number;
  /** Refused by `--publish-rate`. */
  publishesPerAddress: number;
  /** Refused by `--max-head-bytes`. */
  headSize: number;
  /** Refused by `--max-message-bytes`. */
  messageSize: number;
}

/** The name of a limit in {@linkcode LimitHits}. */
export type LimitKind = keyof LimitHits;

/** Creates counters that stand at 0. */
export function createLimitHits(): LimitHits {
  return {
    connections: 0,
    connectionsPerAddress: 0,
    handshakesPerAddress: 0,
    messages: 0,
    bytes: 0,
    rooms: 0,
    roomMembers: 0,
    publishesPerAddress: 0,
    headSize: 0,
    messageSize: 0,
  };
}
