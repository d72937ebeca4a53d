/**
 * What proves a delivery: every message carries its run, its sender, its number among that sender's and when it was planned,
 * in plain letters, so that it is found whatever a server puts around it.
 *
 * ```text
 * ~rrrrsssssnnnnnnnnttttttttttlllllllwwwwwcc~    each letter, a to p, is four bits; c is a checksum
 * ```
 */
export const MARKER_BYTES = 43;

/** What a marker says. */
export interface Marker {
  /** Tells runs against the same server apart: 16 bits. */
  run: number;
  /** Who has sent the message: 20 bits. */
  sender: number;
  /** Which of its sender's messages it is, from 0 on: 32 bits. */
  number: number;
  /** When it was planned, in microseconds of the run's clock: 40 bits. */
  plannedUs: number;
  /** How much later than that it was sent, in microseconds: 28 bits. */
  lateUs: number;
  /** How many bytes of the message, from the marker's first on, are to come whole: 20 bits. */
  wholeBytes: number;
}

/** The most that each field holds. */
export const MARKER_LIMITS = {
  sender: 2 ** 20 - 1,
  lateUs: 2 ** 28 - 1,
  wholeBytes: 2 ** 20 - 1,
} as const;

const TILDE = 0x7e, A = 0x61, LETTERS = 16;
const RUN = 1, SENDER = 5, NUMBER = 10, NUMBER_LOW = 14, TIME = 18, TIME_LOW = 23, LATE = 28;
const WHOLE = 35, CHECK = 40, END = 42;

/** What each letter counts in the checksum. */
const WEIGHTS = Uint8Array.from({ length: CHECK - RUN }, (_, place) => {
  let weight = 1;
  for (let power = 0; power < place; power++) weight = weight * 7 % 251;
  return weight;
});

/** Writes a marker; it takes {@linkcode MARKER_BYTES}. */
export function writeMarker(bytes: Uint8Array, at: number, marker: Readonly<Marker>): void {
  bytes[at] = bytes[at + END] = TILDE;
  write(bytes, at + RUN, at + SENDER, marker.run);
  write(bytes, at + SENDER, at + NUMBER, marker.sender);
  write(bytes, at + NUMBER, at + TIME, marker.number);
  write(bytes, at + TIME, at + LATE, marker.plannedUs);
  write(bytes, at + LATE, at + WHOLE, marker.lateUs);
  write(bytes, at + WHOLE, at + CHECK, marker.wholeBytes);
  write(bytes, at + CHECK, at + END, checksum(bytes, at));
}

/** Where something like a marker begins in `bytes` from `start` to `end`; -1 if there is nothing like one. */
export function findMarker(bytes: Uint8Array, start: number, end: number): number {
  const last = end - MARKER_BYTES;
  for (let at = start; at <= last; at++) {
    if (bytes[at] === TILDE && bytes[at + END] === TILDE) return at;
  }
  return -1;
}

/** Whether a marker begins here, as it was written; if so, says in `marker` what it says. */
export function readMarker(bytes: Uint8Array, at: number, marker: Marker): boolean {
  if (bytes[at] !== TILDE || bytes[at + END] !== TILDE) return false;
  let all = 0;
  for (let index = at + RUN; index < at + END; index++) all |= bytes[index]! - A;
  if (all < 0 || all >= LETTERS) return false;
  marker.run = read(bytes, at + RUN, at + SENDER);
  marker.sender = read(bytes, at + SENDER, at + NUMBER);
  marker.number = read(bytes, at + NUMBER, at + NUMBER_LOW) * LETTERS ** 4 +
    read(bytes, at + NUMBER_LOW, at + TIME);
  marker.plannedUs = read(bytes, at + TIME, at + TIME_LOW) * LETTERS ** 5 +
    read(bytes, at + TIME_LOW, at + LATE);
  marker.lateUs = read(bytes, at + LATE, at + WHOLE);
  marker.wholeBytes = read(bytes, at + WHOLE, at + CHECK);
  return read(bytes, at + CHECK, at + END) === checksum(bytes, at);
}

/** Whether what begins here with a tilde was a marker, and is damaged: most of it are letters of one. */
export function looksLikeMarker(bytes: Uint8Array, at: number): boolean {
  let letters = 0;
  for (let index = at + RUN; index < at + END; index++) {
    if (bytes[index]! >= A && bytes[index]! < A + LETTERS) letters++;
  }
  return letters > (END - RUN) * 3 / 4;
}

function write(bytes: Uint8Array, from: number, to: number, value: number): void {
  for (let at = to - 1; at >= from; at--) {
    bytes[at] = A + value % LETTERS;
    value = Math.floor(value / LETTERS);
  }
}

/** At most seven letters, which 32 bits hold. */
function read(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value << 4 | bytes[at]! - A;
  return value;
}

/**
 * A sum that changes with any one letter, and with any two neighbours that change places: 251 is prime, and no power of 7
 * below the 41st is what another is, so that each place counts differently.
 */
function checksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let place = 0; place < CHECK - RUN; place++) {
    sum += (bytes[at + RUN + place]! - A) * WEIGHTS[place]!;
  }
  return sum % 251;
}
