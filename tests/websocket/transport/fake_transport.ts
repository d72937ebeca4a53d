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
  /** The write under way, and what it was at first. */
  #writing: { readonly bytes: Uint8Array; readonly before: Uint8Array } | undefined;

  constructor(isSlow: boolean) {
    this.isSlow = isSlow;
  }

  write(bytes: Uint8Array): boolean {
    assertEquals(this.#writing, undefined, "one write at a time");
    for (const byte of bytes) this.written.push(byte);
    if (this.isSlow) this.#writing = { bytes, before: bytes.slice() };
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
    if (!this.#writing) return;
    const { bytes, before } = this.#writing;
    assertEquals(bytes, before, "the bytes must not change until they are written");
    this.#writing = undefined;
    this.listener.onWritten();
  }

  /** Ends the write under way and all that follow from it. */
  settle(): void {
    while (this.#writing) this.settleOne();
  }

  /** Passes these pieces to the listener, and ends all writes after each. */
  receive(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      this.lend(piece);
      this.settle();
    }
  }

  /** Passes bytes to the listener, which may change them, and loses them after the call. */
  lend(bytes: Uint8Array): void {
    const lent = bytes.slice();
    this.listener.onData(lent);
    lent.fill(0xee);
  }
}
