/** The byte stream below a connection, such as a {@linkcode SocketTransport}. */
export interface Transport {
  /** Receives the events. A new owner of the transport replaces it. */
  listener: TransportListener;
  /**
   * Sends bytes. Only one write may be under way.
   *
   * The bytes must not change until they are written.
   *
   * @returns True if the system has taken all bytes within this call. Otherwise `onWritten()` of
   * the listener is called later, unless the stream breaks.
   */
  write(bytes: Uint8Array): boolean;
  /** Ends this direction after the write under way. The peer may go on sending. */
  end(): void;
  /** Ends both directions. Bytes that the system has taken still go out. It may be called twice. */
  destroy(): void;
  /** Ends both directions at once with a TCP reset. The system drops what it has not sent. */
  reset(): void;
  /** Stops reading until {@linkcode resume}, so that TCP slows the peer down. */
  pause(): void;
  resume(): void;
}

/** Handles the events of a {@linkcode Transport}. */
export interface TransportListener {
  /** The peer has sent bytes. They are lent: copy what you need after the call returns. */
  onData(bytes: Uint8Array): void;
  /** The system has taken all bytes of a write that did not finish within its call. */
  onWritten(): void;
  /** The peer has ended its direction. */
  onEnd(): void;
  /** Both directions have ended. Called once, after everything else, with the first error. */
  onGone(error: Error | undefined): void;
}

/** Ignores all events. */
export const IGNORE_EVENTS: TransportListener = {
  onData: () => {},
  onWritten: () => {},
  onEnd: () => {},
  onGone: () => {},
};
