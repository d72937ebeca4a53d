import type { Transport, TransportListener } from "../../websocket/transport.ts";

/** Time for a client to read the last response and to close its side. */
const LINGER_MS = 1000;

/**
 * Copies bytes both ways between a client and the private `Deno.serve`. When one closes its side,
 * the pipe copies the bytes before that, and then closes the other side.
 */
export class Pipe {
  readonly #client: Transport;
  readonly #upstream: Transport;
  readonly #onClosed: () => void;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** When bytes last arrived from either side. */
  lastCopyMs = performance.now();

  /** @param onClosed Called once, when one connection has closed and the other is closing. */
  constructor(client: Transport, upstream: Transport, onClosed: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#onClosed = onClosed;
    client.listener = this.#copier(client, upstream, () => upstream.end());
    upstream.listener = this.#copier(upstream, client, () => this.#linger());
  }

  /** Closes both connections at once. */
  close(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #copier(from: Transport, to: Transport, onEnd: () => void): TransportListener {
    let isWriting = false;
    let hasEnded = false;
    return {
      onData: (bytes) => {
        this.lastCopyMs = performance.now();
        // Read no more until this write has finished, so that a slow reader slows the sender down.
        isWriting = !to.write(bytes, () => {
          isWriting = false;
          if (hasEnded) onEnd();
          else from.resume();
        });
        if (isWriting) from.pause();
      },
      // The transport may be paused when this is called.
      onEnd: () => {
        hasEnded = true;
        if (!isWriting) onEnd();
      },
      onGone: () => {
        clearTimeout(this.#lingering);
        to.destroy();
        if (!this.#isClosed) this.#onClosed();
        this.#isClosed = true;
      },
    };
  }

  #linger(): void {
    this.#client.end();
    this.#lingering = setTimeout(() => this.close(), LINGER_MS);
  }
}
