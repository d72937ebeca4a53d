import type { Transport, TransportListener } from "../../websocket/transport.ts";

/** Time for a client to read the last response and to end its side. */
const LINGER_MS = 1000;

/**
 * Copies bytes both ways between a client and the private `Deno.serve`. When one side ends, the
 * other is ended after the bytes before it.
 */
export class Pipe {
  readonly #client: Transport;
  readonly #upstream: Transport;
  readonly #onEnded: () => void;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;
  /** When bytes last arrived from either side. */
  lastCopyMs = performance.now();

  /** @param onEnded Called once, when one connection has ended and the other is ending. */
  constructor(client: Transport, upstream: Transport, onEnded: () => void) {
    this.#client = client;
    this.#upstream = upstream;
    this.#onEnded = onEnded;
    client.listener = this.#copier(client, upstream, () => upstream.end());
    upstream.listener = this.#copier(upstream, client, () => this.#linger());
  }

  /** Ends both connections at once. */
  end(): void {
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
      // This can come while the transport is paused.
      onEnd: () => {
        hasEnded = true;
        if (!isWriting) onEnd();
      },
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
