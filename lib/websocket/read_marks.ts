import { encodeFrame, frameBytes, OPCODE } from "./frame.ts";

/** A mark is due after this many bytes. */
export const MARK_BYTES = 16 * 1024;

/** How long a peer that has answered its last mark gets no other. Each costs a write and a read. */
const MARK_INTERVAL_MS = 30_000;

/**
 * The pings with which a server marks its stream, to see how far a peer has read.
 *
 * The end of a write is not enough to tell a slow peer from one that reads nothing: the system
 * buffers up to 4 MB for a connection, and takes more when a third of that is free. A peer that
 * reads 3 KB/s gets there after minutes. Its answer to a mark shows that it has read everything
 * before the mark. A peer that keeps up gets at most one mark every 30 s. While one is unanswered,
 * there is one after each 16 to 32 KiB, or after each frame that is larger.
 */
export class ReadMarks {
  #markedAtMs = -Infinity;
  /** The number of the last mark. They count from 1. */
  #last = 0;
  #answered = 0;

  /** Whether a mark is due {@linkcode MARK_BYTES} after the last one. */
  isDue(nowMs: number): boolean {
    return this.#answered < this.#last || nowMs - this.#markedAtMs >= MARK_INTERVAL_MS;
  }

  /** Returns the ping to write now. */
  take(nowMs: number): Uint8Array {
    this.#markedAtMs = nowMs;
    return encodeFrame(OPCODE.ping, encoder.encode(String(++this.#last)));
  }

  /** Handles a pong. @returns Whether it answers a mark: the peer has read more since. */
  answer(payload: Uint8Array): boolean {
    const mark = Number(decoder.decode(payload));
    const isNew = mark > this.#answered && mark <= this.#last;
    if (isNew) this.#answered = mark;
    return isNew;
  }
}

/**
 * Returns where the next mark could be: at the last end of a frame that is at most 16 KiB after
 * `start`, or at the next one if that frame is larger.
 *
 * @param frames Whole frames.
 * @param from Where to begin: 0 or the end of a frame, at most `start`.
 */
export function nextMarkPlace(frames: Uint8Array, from: number, start: number): number {
  let end = from;
  while (end < frames.length) {
    const next = end + frameBytes(frames, end);
    if (end > start && next > start + MARK_BYTES) break;
    end = next;
  }
  return end;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
