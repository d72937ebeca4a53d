import type { Marker } from "./marker.ts";
import type { MarkedMessage, Surroundings } from "../message.ts";

/** Who sends. */
export interface SenderPlan {
  /** The user's id. */
  readonly id: number;
  readonly name: string;
  /** The name of the sender's room. */
  readonly room: string;
}

/**
 * How much of the text around a marker arrived as it was sent: `2` all of it and nothing else, `1`
 * all of it within other text, as in JSON, or `0` not all. `-1` is a text of the same length with
 * changed bytes.
 */
export type TextMatch = -1 | 0 | 1 | 2;

/**
 * How the server sends messages to receivers of one kind. A server may send them as they are, or
 * within other text. What most deliveries have in common is right, and the others are damaged.
 */
export class TextFormat {
  /** How many deliveries matched how well, apart from those that were damaged for sure. */
  readonly #counts: [number, number, number] = [0, 0, 0];
  /** Sentences about the first deliveries that matched how well. */
  readonly #named: readonly string[][] = [[], []];

  /**
   * Adds a delivery.
   *
   * @returns False if it is damaged: bytes are changed, or most so far match better.
   */
  add(match: TextMatch): match is 0 | 1 | 2 {
    if (match === -1 || match < 2 && match < this.#usual) return false;
    this.#counts[match]++;
    return true;
  }

  /** Whether to {@linkcode name} a delivery, in case that the next ones match better. */
  isDoubtful(match: 0 | 1 | 2): boolean {
    return match < 2 && this.#named[match]!.length < MAX_NAMED;
  }

  /** Adds a sentence about a delivery. */
  name(match: 0 | 1 | 2, text: string): void {
    this.#named[match]!.push(text);
  }

  /** How many deliveries that were added proved to be damaged, and sentences about the first. */
  get damage(): { readonly count: number; readonly texts: readonly string[] } {
    const usual = this.#usual;
    return {
      count: this.#counts.slice(0, usual).reduce((sum, count) => sum + count, 0),
      texts: this.#named.slice(0, usual).flat(),
    };
  }

  /** How many deliveries have a text that the server changes as a rule, so it is not checked. */
  get unrecognized(): number {
    return this.#usual === 0 ? this.#counts[0] : 0;
  }

  /** How well most deliveries match. */
  get #usual(): 0 | 1 | 2 {
    const [none, within, alone] = this.#counts;
    if (alone > none + within) return 2;
    return alone + within > none ? 1 : 0;
  }
}

/** How many deliveries of each kind are named. */
const MAX_NAMED = 5;

/** Options of {@linkcode TextCheck}. */
export interface TextCheckOptions {
  readonly message: Pick<MarkedMessage, "surroundings" | "isConstant">;
  /** The senders of the run, by index. */
  readonly senders: readonly SenderPlan[];
  /** When the run began, in milliseconds since 1970. */
  readonly startEpochMs: number;
}

/** Compares the text around markers with what was sent. */
export class TextCheck {
  readonly #options: TextCheckOptions;
  /** The surroundings by sender, if they are constant. */
  readonly #constant: Surroundings[] = [];

  constructor(options: TextCheckOptions) {
    this.#options = options;
  }

  /** Compares `bytes` from `start` to `end` with what was sent with the marker at `at`. */
  match(
    bytes: Uint8Array,
    start: number,
    end: number,
    at: number,
    marker: Readonly<Marker>,
  ): TextMatch {
    const { before, after } = this.#surroundings(marker);
    const from = at - before.length, behind = at + marker.wholeBytes;
    const until = behind + after.length;
    if (from < start || until > end) return 0;
    const isAlone = from === start && until === end;
    for (let index = 0; index < before.length; index++) {
      if (bytes[from + index] !== before[index]) return isAlone ? -1 : 0;
    }
    for (let index = 0; index < after.length; index++) {
      if (bytes[behind + index] !== after[index]) return isAlone ? -1 : 0;
    }
    return isAlone ? 2 : 1;
  }

  /** What is wrong, for people, with a text that does not {@linkcode match} as others do. */
  describe(
    bytes: Uint8Array,
    start: number,
    end: number,
    at: number,
    marker: Readonly<Marker>,
  ): string {
    const { before, after } = this.#surroundings(marker);
    const behind = at + marker.wholeBytes;
    for (
      const [text, from] of [[before, at - before.length], [after, behind]] as const
    ) {
      for (let index = 0; index < text.length; index++) {
        const place = from + index;
        if (place < start || place >= end) continue;
        if (bytes[place] !== text[index]) {
          return changedByte(place - start, bytes[place]!, text[index]!);
        }
      }
    }
    return `it has ${end - start} bytes instead of ${
      before.length + marker.wholeBytes + after.length
    }`;
  }

  #surroundings({ sender, seq, plannedUs }: Readonly<Marker>): Surroundings {
    const known = this.#constant[sender];
    if (known) return known;
    const { message, senders, startEpochMs } = this.#options;
    const surroundings = message.surroundings({
      ...senders[sender]!,
      seq: seq + 1,
      epochMs: startEpochMs + plannedUs / 1000,
    });
    if (message.isConstant) this.#constant[sender] = surroundings;
    return surroundings;
  }
}

/** Tells which byte of a message is changed. */
export function changedByte(offset: number, found: number, expected: number): string {
  return `byte ${offset} is ${byteText(found)} instead of ${byteText(expected)}`;
}

function byteText(byte: number): string {
  const hex = `0x${byte.toString(16).padStart(2, "0")}`;
  return byte > 0x20 && byte < 0x7f ? `${hex} (${String.fromCharCode(byte)})` : hex;
}
