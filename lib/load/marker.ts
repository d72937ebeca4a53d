/**
 * What proves a delivery: every message carries its run, its sender, its number among that sender's and the time at which
 * it was planned, in plain letters, so that it is found whatever a server puts around it.
 *
 * ```text
 * ~rrrrsssssnnnnnnnttttttttttcc~    each letter, a to p, is four bits; c is a checksum
 * ```
 */
export const MARKER_BYTES = 30;

/** What a marker says. */
export interface Marker {
  /** Tells runs against the same server apart: 16 bits. */
  readonly run: number;
  /** Who has sent the message: 20 bits. */
  readonly sender: number;
  /** Which of its sender's messages it is, from 0 on: 28 bits. */
  readonly number: number;
  /** When it was planned, in microseconds of the run's clock: 40 bits. */
  readonly plannedUs: number;
}

const TILDE = 0x7e, A = 0x61, LETTERS = 16;
const RUN_AT = 1, SENDER_AT = 5, NUMBER_AT = 10, TIME_AT = 17, CHECK_AT = 27, END_AT = 29;

/** Writes a marker; it takes {@linkcode MARKER_BYTES}. */
export function writeMarker(
  bytes: Uint8Array,
  at: number,
  { run, sender, number, plannedUs }: Marker,
): void {
  bytes[at] = bytes[at + END_AT] = TILDE;
  write(bytes, at + RUN_AT, at + SENDER_AT, run);
  write(bytes, at + SENDER_AT, at + NUMBER_AT, sender);
  write(bytes, at + NUMBER_AT, at + TIME_AT, number);
  write(bytes, at + TIME_AT, at + CHECK_AT, plannedUs);
  write(bytes, at + CHECK_AT, at + END_AT, checksum(bytes, at));
}

/** Where something like a marker begins in `bytes` from `start` to `end`; -1 if there is nothing like one. */
export function findMarker(bytes: Uint8Array, start: number, end: number): number {
  const last = end - MARKER_BYTES;
  for (let at = start; at <= last; at++) {
    if (bytes[at] === TILDE && bytes[at + END_AT] === TILDE) return at;
  }
  return -1;
}

/** Whether the marker that begins here is as it was written. */
export function isIntact(bytes: Uint8Array, at: number): boolean {
  let all = 0;
  for (let index = at + RUN_AT; index < at + END_AT; index++) all |= bytes[index]! - A;
  return all >= 0 && all < LETTERS &&
    read(bytes, at + CHECK_AT, at + END_AT) === checksum(bytes, at);
}

/** The run of the marker that begins here. */
export function runOf(bytes: Uint8Array, at: number): number {
  return read(bytes, at + RUN_AT, at + SENDER_AT);
}

/** Its sender. */
export function senderOf(bytes: Uint8Array, at: number): number {
  return read(bytes, at + SENDER_AT, at + NUMBER_AT);
}

/** Its number. */
export function numberOf(bytes: Uint8Array, at: number): number {
  return read(bytes, at + NUMBER_AT, at + TIME_AT);
}

/** When its message was planned. */
export function plannedUsOf(bytes: Uint8Array, at: number): number {
  const middle = at + TIME_AT + 5;
  return read(bytes, at + TIME_AT, middle) * LETTERS ** 5 + read(bytes, middle, at + CHECK_AT);
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

/** A sum in which places count, so that swapped letters show. */
function checksum(bytes: Uint8Array, at: number): number {
  let sum = 0;
  for (let index = at + RUN_AT; index < at + CHECK_AT; index++) {
    sum = (sum * 31 + bytes[index]!) % 251;
  }
  return sum;
}
