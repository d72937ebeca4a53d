import { assertEquals } from "@std/assert";
import {
  IGNORE_EVENTS,
  type Transport,
  type TransportListener,
} from "../../../lib/websocket/transport/transport.ts";

/** A transport in memory. */
export class FakeTransport implements Transport {
  listener: TransportListener = IGNORE_EVENTS;
  readonly written: number[] = [];
  ending: "end" | "destroy" | "reset" | undefined;
  isPaused = false;
  /** If true, a write ends only with {@linkcode settle} or {@linkcode settleOne}. */
  isSlow: boolean;
  #isWriting = false;

  constructor(isSlow: boolean) {
    this.isSlow = isSlow;
  }

  write(bytes: Uint8Array): boolean {
    assertEquals(this.#isWriting, false, "one write at a time");
    for (const byte of bytes) this.written.push(byte);
    this.#isWriting = this.isSlow;
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
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.listener.onWritten();
  }

  /** Ends the write under way and all that follow from it. */
  settle(): void {
    while (this.#isWriting) this.settleOne();
  }

  /** Passes these pieces to the listener. */
  receive(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      // The listener may change what it gets, and loses it after the call.
      const lent = piece.slice();
      this.listener.onData(lent);
      lent.fill(0xee);
      this.settle();
    }
  }
}
