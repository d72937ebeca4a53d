import {
  fillerSource,
  FIRST_LETTER,
  LETTER_COUNT,
  type Marker,
  MARKER_BYTES,
  NO_MARKER,
  readMarker,
  TILDE,
} from "./marker.ts";
import { changedByte } from "./text_check.ts";

/** A marker with one changed byte, and what was there before. */
export interface RepairedMarker {
  readonly marker: Readonly<Marker>;
  /** The index of the changed byte. */
  readonly at: number;
  /** The byte that was there. */
  readonly byte: number;
}

/** How many bytes of a marker must look right, at least, so that it counts as a damaged one. */
const MIN_RIGHT_BYTES = MARKER_BYTES - 4;

/** How many letters tell the run, the sender, and the sequence number. */
const IDENTITY_LETTERS = 16;

/**
 * Finds what was a marker: tildes and letters in the right places, but for a few.
 *
 * @returns The index of its first byte; -1 if there is none.
 */
export function findDamagedMarker(bytes: Uint8Array, start: number, end: number): number {
  let [best, bestAt] = [MIN_RIGHT_BYTES - 1, -1];
  for (let at = start; at <= end - MARKER_BYTES; at++) {
    const right = countRightBytes(bytes, at);
    if (right > best) [best, bestAt] = [right, at];
  }
  return bestAt;
}

/**
 * Repairs the marker at `at`, if one byte of it is changed.
 *
 * @param isPossible Whether a message can be the one. It tells apart what the checksum cannot.
 * @returns undefined if no changed byte explains the damage.
 */
export function repairMarker(
  bytes: Uint8Array,
  at: number,
  isPossible: (marker: Readonly<Marker>) => boolean,
): RepairedMarker | undefined {
  const copy = bytes.slice(at, at + MARKER_BYTES);
  const view = new DataView(copy.buffer);
  const marker = { ...NO_MARKER };
  for (let index = 0; index < MARKER_BYTES; index++) {
    const found = copy[index]!;
    for (const byte of isEnd(index) ? [TILDE] : LETTERS) {
      copy[index] = byte;
      if (byte !== found && readMarker(view, 0, marker) && isPossible(marker)) {
        return { marker, at: at + index, byte };
      }
    }
    copy[index] = found;
  }
  return undefined;
}

/**
 * Reads the run, the sender, and the sequence number of a marker that is cut off at `end`.
 *
 * @returns The index of its first byte, and its marker; undefined if there is none.
 */
export function readCutMarker(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly at: number; readonly marker: Readonly<Marker> } | undefined {
  const at = bytes.subarray(start, end).lastIndexOf(TILDE) + start;
  if (at < start || end - at >= MARKER_BYTES || end - at - 1 < IDENTITY_LETTERS) return undefined;
  const words = [0, 0, 0, 0];
  for (let index = at + 1; index < end; index++) {
    const letter = bytes[index]! - FIRST_LETTER;
    if (letter < 0 || letter >= LETTER_COUNT) return undefined;
    const word = (index - at - 1) >> 2;
    if (word < words.length) words[word] = words[word]! << 4 | letter;
  }
  const [run = 0, sender = 0, high = 0, low = 0] = words;
  return { at, marker: { ...NO_MARKER, run, sender, seq: high * 2 ** 16 + low } };
}

/**
 * Tells what is wrong with a message whose filler is wrong at the index `wrong`. The index is `end`
 * if the message is cut off, and -1 if only the frame around it is damaged.
 */
export function wrongFiller(
  bytes: Uint8Array,
  { start, at, wrong, end }: {
    readonly start: number;
    /** Where its marker begins. */
    readonly at: number;
    readonly wrong: number;
    readonly end: number;
  },
): string {
  if (wrong < 0) return " in a damaged frame";
  if (wrong === end) return ` cut off after ${end - start} bytes`;
  const expected = bytes[fillerSource(at, wrong)]!;
  return ` damaged: ${changedByte(wrong - start, bytes[wrong]!, expected)}`;
}

const LETTERS = Array.from({ length: LETTER_COUNT }, (_, letter) => FIRST_LETTER + letter);

function isEnd(index: number): boolean {
  return index === 0 || index === MARKER_BYTES - 1;
}

function countRightBytes(bytes: Uint8Array, at: number): number {
  let right = 0;
  for (let index = 0; index < MARKER_BYTES; index++) {
    const byte = bytes[at + index]!;
    const letter = byte - FIRST_LETTER;
    if (isEnd(index) ? byte === TILDE : letter >= 0 && letter < LETTER_COUNT) right++;
  }
  return right;
}
