/** The byte stream below a connection, as the code above it sees it: {@linkcode SocketTransport} is one. */
export interface Transport {
  /** Who is told what happens. Whoever hands a transport over sets another. */
  listener: TransportListener;
  /**
   * Sends bytes; they must not change until they are sent. Only one write may be under way.
   *
   * @param onWritten Called when the system has taken them all, if that is later, and never if the stream has broken.
   * @returns Whether the system has taken them all within this call.
   */
  write(bytes: Uint8Array, onWritten: () => void): boolean;
  /** Ends this side behind what is written; the other side may go on. */
  end(): void;
  /** Ends both sides: what the system has taken still goes out. Destroying twice is harmless. */
  destroy(): void;
  /** Ends both sides at once, and the peer gets a TCP reset: nothing is left behind, not even with the system. */
  reset(): void;
  /** Reads no more until {@linkcode resume}, so that TCP slows the peer down. */
  pause(): void;
  resume(): void;
}

/** What happens on a transport. */
export interface TransportListener {
  /** The peer has sent these. They belong to the listener. */
  onData(bytes: Uint8Array): void;
  /** The peer has ended its side. */
  onEnd(): void;
  /** Both sides have ended; called once, last of all. `error` tells why, if something went wrong. */
  onGone(error: Error | undefined): void;
}
