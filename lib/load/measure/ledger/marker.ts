/**
 * The length of a marker. Every message of a load run carries one, which identifies the message
 * when it arrives.
 *
 * A marker is plain ASCII, so that it can be found in whatever format a server sends it: 44 letters
 * between two tildes. Each letter, a to p, stands for four bits, and four letters are a word:
 *
 * ```text
 * word   0    1    2-3  4-5                6                              7
 *        run  low  seq  low plannedUs      high plannedUs, sender, whole  low wholeBytes
 *             sender
 * word   8           9                     10
 *        low lateUs  high lateUs, check    check
 * ```
 */
export const MARKER_BYTES = 46;

/** The fields of a marker. */
export interface Marker {
  /** Distinguishes runs against the same server: 16 bits. */
  run: number;
  /** The index of the sender: 20 bits. */
  sender: number;
  /** The sequence number among the sender's messages, from 0: 32 bits. */
  seq: number;
  /** When the message was due, in microseconds since the run began: 40 bits. */
  plannedUs: number;
  /** How much later it was sent, in microseconds: 28 bits. */
  lateUs: number;
  /** How many bytes of the message are made from the marker, itself included: 20 bits. */
  wholeBytes: number;
}

/** The highest values of fields that could overflow. */
export const MARKER_LIMITS = {
  sender: 2 ** 20 - 1,
  lateUs: 2 ** 28 - 1,
  wholeBytes: 2 ** 20 - 1,
} as const;

/** A marker with nothing in it. */
export const NO_MARKER: Readonly<Marker> = {
  run: 0,
  sender: 0,
  seq: 0,
  plannedUs: 0,
  lateUs: 0,
  wholeBytes: 0,
};

/** The byte at both ends. */
export const TILDE = 0x7e;

/** The first of the {@linkcode LETTER_COUNT} letters. */
export const FIRST_LETTER = 0x61;

/** How many letters there are. */
export const LETTER_COUNT = 16;

const END = MARKER_BYTES - 1;

/** How many letters a marker has. */
const LETTERS = MARKER_BYTES - 2;

/** Four times the first letter. */
const WORD_OF_FIRST = 0x61616161;

/** The bits that are 0 in each letter, counted from the first. */
const NOT_LETTERS = 0xf0f0f0f0 | 0;

/** The weights of the words in the checksum. A test holds that it finds any changed letter. */
const W0 = 0x2c1b3c6d, W1 = 0x297a2d39, W2 = 0x5f356495, W3 = 0x6b43a9b5, W4 = 0x1b873593;
const W5 = 0x4cf5ad43, W6 = 0x2745937f, W7 = 0x38b34ae5, W8 = 0x52dce729, W9 = 0x1e35a7bd;

/** Writes a marker into the {@linkcode MARKER_BYTES} bytes from `at`. */
export function writeMarker(bytes: Uint8Array, at: number, marker: Readonly<Marker>): void {
  const { run, sender, seq, plannedUs, lateUs, wholeBytes } = marker;
  const planned = plannedUs % 2 ** 32;
  const words = [
    run,
    sender & 0xffff,
    seq >>> 16,
    seq & 0xffff,
    planned & 0xffff,
    planned >>> 16,
    Math.floor(plannedUs / 2 ** 32) << 8 | sender >>> 16 << 4 | wholeBytes >>> 16,
    wholeBytes & 0xffff,
    lateUs & 0xffff,
    lateUs >>> 16 << 4,
    0,
  ];
  const [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9] = words as [number, ...number[]];
  const check = checksum(w0, w1!, w2!, w3!, w4!, w5!, w6!, w7!, w8!, w9!);
  words[9]! |= check >>> 16;
  words[10] = check & 0xffff;
  bytes[at] = bytes[at + END] = TILDE;
  for (let index = 0; index < LETTERS; index++) {
    const letter = words[index >> 2]! >>> 12 - 4 * (index & 3) & 0xf;
    bytes[at + 1 + index] = FIRST_LETTER + letter;
  }
}

/** Finds two tildes at a marker's distance. @returns The index of the first; -1 if none. */
export function findMarker(bytes: Uint8Array, start: number, end: number): number {
  const last = end - MARKER_BYTES;
  for (let at = start; at <= last; at++) {
    if (bytes[at] === TILDE && bytes[at + END] === TILDE) return at;
  }
  return -1;
}

/**
 * Reads the marker at `at` into `marker`. At least {@linkcode MARKER_BYTES} must be there.
 *
 * @returns Whether an intact marker was there. If not, the content of `marker` is undefined.
 */
export function readMarker(view: DataView, at: number, marker: Marker): boolean {
  if (view.getUint8(at) !== TILDE || view.getUint8(at + END) !== TILDE) return false;
  const l0 = lettersAt(view, at + 1), l1 = lettersAt(view, at + 5), l2 = lettersAt(view, at + 9);
  const l3 = lettersAt(view, at + 13), l4 = lettersAt(view, at + 17), l5 = lettersAt(view, at + 21);
  const l6 = lettersAt(view, at + 25), l7 = lettersAt(view, at + 29), l8 = lettersAt(view, at + 33);
  const l9 = lettersAt(view, at + 37), l10 = lettersAt(view, at + 41);
  const all = l0 | l1 | l2 | l3 | l4 | l5 | l6 | l7 | l8 | l9 | l10;
  if ((all & NOT_LETTERS) !== 0) return false;
  const w0 = wordOf(l0), w1 = wordOf(l1), w2 = wordOf(l2), w3 = wordOf(l3), w4 = wordOf(l4);
  const w5 = wordOf(l5), w6 = wordOf(l6), w7 = wordOf(l7), w8 = wordOf(l8), w9 = wordOf(l9);
  marker.run = w0;
  marker.sender = (w6 >>> 4 & 0xf) << 16 | w1;
  marker.seq = (w2 << 16 | w3) >>> 0;
  marker.plannedUs = (w6 >>> 8) * 2 ** 32 + ((w5 << 16 | w4) >>> 0);
  marker.wholeBytes = (w6 & 0xf) << 16 | w7;
  marker.lateUs = w9 >>> 4 << 16 | w8;
  const check = checksum(w0, w1, w2, w3, w4, w5, w6, w7, w8, w9 & 0xfff0);
  return check === ((w9 & 0xf) << 16 | wordOf(l10));
}

/**
 * Finds the first byte that is not made from the marker at `at`, up to `until`: the bytes behind a
 * marker repeat its letters.
 *
 * @returns The index of the byte; -1 if all are right.
 */
export function findWrongFiller(view: DataView, at: number, until: number): number {
  const first = at + 1;
  let index = at + MARKER_BYTES;
  if (until - index >= LETTERS) index = skipRightFiller(view, at, until);
  let from = first;
  for (; index < until; index++) {
    if (view.getUint8(index) !== view.getUint8(from)) return index;
    from = from + 1 === first + LETTERS ? first : from + 1;
  }
  return -1;
}

/** Where the first repetition begins that is not complete and right. */
function skipRightFiller(view: DataView, at: number, until: number): number {
  const l0 = view.getInt32(at + 1), l1 = view.getInt32(at + 5), l2 = view.getInt32(at + 9);
  const l3 = view.getInt32(at + 13), l4 = view.getInt32(at + 17), l5 = view.getInt32(at + 21);
  const l6 = view.getInt32(at + 25), l7 = view.getInt32(at + 29), l8 = view.getInt32(at + 33);
  const l9 = view.getInt32(at + 37), l10 = view.getInt32(at + 41);
  let index = at + MARKER_BYTES;
  for (; index + LETTERS <= until; index += LETTERS) {
    const wrong = view.getInt32(index) ^ l0 | view.getInt32(index + 4) ^ l1 |
      view.getInt32(index + 8) ^ l2 | view.getInt32(index + 12) ^ l3 |
      view.getInt32(index + 16) ^ l4 | view.getInt32(index + 20) ^ l5 |
      view.getInt32(index + 24) ^ l6 | view.getInt32(index + 28) ^ l7 |
      view.getInt32(index + 32) ^ l8 | view.getInt32(index + 36) ^ l9 |
      view.getInt32(index + 40) ^ l10;
    if (wrong !== 0) break;
  }
  return index;
}

/** Fills the bytes behind the marker at `at`, up to `until`, with its letters. */
export function fillBehindMarker(bytes: Uint8Array, at: number, until: number): void {
  const first = at + 1;
  const behind = at + MARKER_BYTES;
  if (behind >= until) return;
  bytes.copyWithin(behind, first, Math.min(first + LETTERS, first + until - behind));
  // Each copy is twice as long as the one before.
  for (let length = LETTERS; behind + length < until; length *= 2) {
    bytes.copyWithin(behind + length, behind, Math.min(behind + length, until - length));
  }
}

/** The index of the marker's letter that a byte behind the marker at `at` repeats. */
export function fillerSource(at: number, index: number): number {
  return at + 1 + (index - at - MARKER_BYTES) % LETTERS;
}

/** Four letters, each counted from the first in a byte of its own. */
function lettersAt(view: DataView, at: number): number {
  return view.getInt32(at) - WORD_OF_FIRST | 0;
}

/** The 16 bits of four letters. */
function wordOf(letters: number): number {
  const pairs = (letters | letters >>> 4) & 0x00ff00ff;
  return (pairs | pairs >>> 8) & 0xffff;
}

/** A weighted sum of 20 bits. The sums of the words can be computed side by side. */
function checksum(
  w0: number,
  w1: number,
  w2: number,
  w3: number,
  w4: number,
  w5: number,
  w6: number,
  w7: number,
  w8: number,
  w9: number,
): number {
  const sum = Math.imul(w0, W0) + Math.imul(w1, W1) + Math.imul(w2, W2) + Math.imul(w3, W3) +
    Math.imul(w4, W4) + Math.imul(w5, W5) + Math.imul(w6, W6) + Math.imul(w7, W7) +
    Math.imul(w8, W8) + Math.imul(w9, W9);
  return (sum | 0) >>> 12;
}
