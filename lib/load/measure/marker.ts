/**
 * The length of a marker. Every message of a load run carries one, which identifies the message
 * when it arrives.
 *
 * A marker is plain ASCII, so that it can be found in whatever format a server sends it:
 *
 * ```text
 * ~rrrrsssssnnnnnnnnttttttttttlllllllwwwwwcc~
 *
 * r run   s sender   n seq   t plannedUs   l lateUs   w wholeBytes   c checksum
 * Each letter, a to p, stands for four bits.
 * ```
 */
export const MARKER_BYTES = 43;

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
  /** How many bytes of the message must arrive, counted from the marker's first: 20 bits. */
  wholeBytes: number;
}

/** The highest values of fields that could overflow. */
export const MARKER_LIMITS = {
  sender: 2 ** 20 - 1,
  lateUs: 2 ** 28 - 1,
  wholeBytes: 2 ** 20 - 1,
} as const;

const TILDE = 0x7e, A = 0x61, LETTERS = 16;
const RUN = 1, SENDER = 5, SEQ = 10, SEQ_LOW = 14, TIME = 18, TIME_LOW = 23, LATE = 28;
const WHOLE = 35, CHECK = 40, END = 42;

/** The weight of each letter in the checksum. */
const WEIGHTS = Uint8Array.from({ length: CHECK - RUN }, (_, place) => {
  let weight = 1;
  for (let power = 0; power < place; power++) weight = weight * 7 % 251;
  return weight;
});

/** Writes a marker into the {@linkcode MARKER_BYTES} bytes from `at`. */
export function writeMarker(bytes: Uint8Array, at: number, marker: Readonly<Marker>): void {
  bytes[at] = bytes[at + END] = TILDE;
  write(bytes, at + RUN, at + SENDER, marker.run);
  write(bytes, at + SENDER, at + SEQ, marker.sender);
  write(bytes, at + SEQ, at + TIME, marker.seq);
  write(bytes, at + TIME, at + LATE, marker.plannedUs);
  write(bytes, at + LATE, at + WHOLE, marker.lateUs);
  write(bytes, at + WHOLE, at + CHECK, marker.wholeBytes);
  write(bytes, at + CHECK, at + END, checksum(bytes, at));
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
 * Reads the marker at `at` into `marker`.
 *
 * @returns Whether an intact marker was there. If not, the content of `marker` is undefined.
 */
export function readMarker(bytes: Uint8Array, at: number, marker: Marker): boolean {
  if (bytes[at] !== TILDE || bytes[at + END] !== TILDE) return false;
  let all = 0;
  for (let index = at + RUN; index < at + END; index++) all |= bytes[index]! - A;
  if (all < 0 || all >= LETTERS) return false;
  marker.run = read(bytes, at + RUN, at + SENDER);
  marker.sender = read(bytes, at + SENDER, at + SEQ);
  marker.seq = read(bytes, at + SEQ, at + SEQ_LOW) * LETTERS ** 4 +
    read(bytes, at + SEQ_LOW, at + TIME);
  marker.plannedUs = read(bytes, at + TIME, at + TIME_LOW) * LETTERS ** 5 +
    read(bytes, at + TIME_LOW, at + LATE);
  marker.lateUs = read(bytes, at + LATE, at + WHOLE);
  marker.wholeBytes = read(bytes, at + WHOLE, at + CHECK);
  return read(bytes, at + CHECK, at + END) === checksum(bytes, at);
}

/** Whether a damaged marker is at `at`: most of its bytes are letters of a marker. */
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

/** Reads at most seven letters, because more do not fit into 32 bits. */
function read(bytes: Uint8Array, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value << 4 | bytes[at]! - A;
  return value;
}

/**
 * A weighted sum that detects one changed letter and two swapped neighbors: 251 is prime, and the
 * first 40 powers of 7 modulo 251 are all different, so that each place has a weight of its own.
 */
function checksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let place = 0; place < CHECK - RUN; place++) {
    sum += (bytes[at + RUN + place]! - A) * WEIGHTS[place]!;
  }
  return sum % 251;
}
