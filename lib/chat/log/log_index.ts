import { frameBytes } from "../../websocket/frame.ts";

/**
 * A piece of a log. Its bytes never change once written, as a socket write may still read them.
 */
export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The offset in the log at which the chunk starts. */
  readonly start: number;
  /** The sequence number of the last message before the chunk. */
  readonly seqBefore: number;
  usedBytes: number;
}

/** A range of offsets; `end` is exclusive. */
export interface OffsetRange {
  readonly start: number;
  readonly end: number;
}

/** The end of a message in the log, and its sequence number. */
export interface SeqOffset {
  readonly offset: number;
  readonly seq: number;
}

/** A message whose sequence number does not follow the one before. */
interface Jump {
  readonly start: number;
  readonly seq: number;
}

/**
 * Tells what the frames of a log are: messages with consecutive sequence numbers, but for events
 * and jumps.
 */
export class LogIndex {
  /** The events, in order. */
  readonly #events: OffsetRange[] = [];
  /** In order. */
  readonly #jumps: Jump[] = [];

  /** Adds an event, which comes after the others. */
  addEvent(event: OffsetRange): void {
    this.#events.push(event);
  }

  /** Adds a message before which sequence numbers are missing, and which comes after the others. */
  addJump(jump: Jump): void {
    this.#jumps.push(jump);
  }

  /** Forgets the frames that start before an offset. */
  dropBefore(offset: number): void {
    this.#events.splice(0, firstFrom(this.#events, offset));
    this.#jumps.splice(0, firstFrom(this.#jumps, offset));
  }

  /** The events that start in `[from, to)`, in order. */
  events(from: number, to: number): OffsetRange[] {
    return this.#events.filter(({ start }) => start >= from && start < to);
  }

  /** Finds the last message of a chunk up to an offset and a sequence number. */
  lastUpTo(chunk: Chunk, until: SeqOffset): SeqOffset {
    let offset = chunk.start;
    let seq = chunk.seqBefore;
    if (seq >= until.seq) return { offset, seq };
    this.eachMessage(chunk, (eachSeq, _start, end) => {
      if (end > until.offset || eachSeq > until.seq) return false;
      offset = end;
      seq = eachSeq;
      return seq < until.seq;
    });
    return { offset, seq };
  }

  /** Calls `visit` with each message of a chunk, and its range, until it returns false. */
  eachMessage(
    chunk: Chunk,
    visit: (seq: number, start: number, end: number) => boolean,
  ): void {
    let { start: offset, seqBefore: seq } = chunk;
    let event = firstFrom(this.#events, offset);
    let jump = firstFrom(this.#jumps, offset);
    const chunkEnd = offset + chunk.usedBytes;
    while (offset < chunkEnd) {
      const start = offset;
      offset += frameBytes(chunk.bytes, start - chunk.start);
      if (this.#events[event]?.start === start) {
        event++;
        continue;
      }
      seq = this.#jumps[jump]?.start === start ? this.#jumps[jump++]!.seq : seq + 1;
      if (!visit(seq, start, offset)) return;
    }
  }
}

/** The index of the first element that starts at or after an offset. */
function firstFrom(elements: readonly { readonly start: number }[], offset: number): number {
  let [low, high] = [0, elements.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (elements[middle]!.start < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
