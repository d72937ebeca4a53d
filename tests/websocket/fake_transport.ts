import { assertEquals } from "@std/assert";
import type { Transport, TransportListener } from "../../lib/websocket/transport.ts";

/** A transport in memory. */
export class FakeTransport implements Transport {
  listener: TransportListener = { onData: () => {}, onEnd: () => {}, onGone: () => {} };
  readonly written: number[] = [];
  ending: "end" | "destroy" | "reset" | undefined;
  isPaused = false;
  /** If true, a write ends only with {@linkcode settle} or {@linkcode settleOne}. */
  isSlow: boolean;
  #onWritten: (() => void) | undefined;

  constructor(isSlow: boolean) {
    this.isSlow = isSlow;
  }

  write(bytes: Uint8Array, onWritten: () => void): boolean {
    assertEquals(this.#onWritten, undefined, "one write at a time");
    for (const byte of bytes) this.written.push(byte);
    if (this.isSlow) this.#onWritten = onWritten;
    return !this.isSlow;
  }

  end(): void {
    this.ending = "end";
  }

  destroy(): void {
    this.ending = "destroy";
  }

  reset(): void {
    this.ending = "reset";
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  /** Ends the write under way. */
  settleOne(): void {
    const onWritten = this.#onWritten;
    this.#onWritten = undefined;
    onWritten?.();
  }

  /** Ends the write under way and all that follow from it. */
  settle(): void {
    while (this.#onWritten) this.settleOne();
  }

  /** Passes these pieces to the listener. */
  receive(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      // The listener may change what it gets.
      this.listener.onData(piece.slice());
      this.settle();
    }
  }
}
