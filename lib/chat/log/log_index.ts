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
  /** The events, in order, as two columns of a table: there may be as many as messages. */
  readonly #eventStarts: number[] = [];
  readonly #eventEnds: number[] = [];
  /** The jumps, likewise. */
  readonly #jumpStarts: number[] = [];
  readonly #jumpSeqs: number[] = [];

  /** Adds an event, which comes after the others. */
  addEvent({ start, end }: OffsetRange): void {
    this.#eventStarts.push(start);
    this.#eventEnds.push(end);
  }

  /** Adds a message before which sequence numbers are missing, and which comes after the others. */
  addJump({ start, seq }: Jump): void {
    this.#jumpStarts.push(start);
    this.#jumpSeqs.push(seq);
  }

  /** Forgets the frames that start before an offset. */
  dropBefore(offset: number): void {
    const eventCount = firstFrom(this.#eventStarts, offset);
    for (const column of [this.#eventStarts, this.#eventEnds]) column.splice(0, eventCount);
    const jumpCount = firstFrom(this.#jumpStarts, offset);
    for (const column of [this.#jumpStarts, this.#jumpSeqs]) column.splice(0, jumpCount);
  }

  /** The events that start in `[from, to)`, in order. */
  events(from: number, to: number): OffsetRange[] {
    const first = firstFrom(this.#eventStarts, from);
    const last = firstFrom(this.#eventStarts, to);
    const ends = this.#eventEnds.slice(first, last);
    return ends.map((end, index) => ({ start: this.#eventStarts[first + index]!, end }));
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
    let event = firstFrom(this.#eventStarts, offset);
    let jump = firstFrom(this.#jumpStarts, offset);
    const chunkEnd = offset + chunk.usedBytes;
    while (offset < chunkEnd) {
      const start = offset;
      offset += frameBytes(chunk.bytes, start - chunk.start);
      if (this.#eventStarts[event] === start) {
        event++;
        continue;
      }
      seq = this.#jumpStarts[jump] === start ? this.#jumpSeqs[jump++]! : seq + 1;
      if (!visit(seq, start, offset)) return;
    }
  }
}

/** The index of the first of ascending offsets that is not before another one. */
function firstFrom(offsets: readonly number[], offset: number): number {
  let [low, high] = [0, offsets.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offsets[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
