import type { Transport, TransportListener } from "../../websocket/transport.ts";

/** How long a client may take to read the end of the last answer and to end its side too. */
const LINGER_MS = 1000;

/** Copies both ways between a client and the server behind the door, and passes each end on. */
export class Pipe {
  readonly #client: Transport;
  readonly #upstream: Transport;
  readonly #onEnded: () => void;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;
  /** When something was copied last. */
  lastCopyMs = performance.now();

  /** @param onEnded Called once, when one connection is gone and the other going. */
  constructor(client: Transport, upstream: Transport, onEnded: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#onEnded = onEnded;
    client.listener = this.#way(client, upstream, () => upstream.end());
    upstream.listener = this.#way(upstream, client, () => this.#linger());
  }

  /** Ends both connections at once. */
  end(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #way(from: Transport, to: Transport, onEnd: () => void): TransportListener {
    let isWriting = false;
    let hasEnded = false;
    return {
      onData: (bytes) => {
        this.lastCopyMs = performance.now();
        // One piece at a time: who does not read makes the other side wait.
        isWriting = !to.write(bytes, () => {
          isWriting = false;
          if (hasEnded) onEnd();
          else from.resume();
        });
        if (isWriting) from.pause();
      },
      // A stream that is paused may tell its end all the same.
      onEnd: () => {
        hasEnded = true;
        if (!isWriting) onEnd();
      },
      // What breaks off on one way ends the other.
      onGone: () => {
        clearTimeout(this.#lingering);
        to.destroy();
        if (!this.#hasEnded) this.#onEnded();
        this.#hasEnded = true;
      },
    };
  }

  #linger(): void {
    this.#client.end();
    this.#lingering = setTimeout(() => this.end(), LINGER_MS);
  }
}
