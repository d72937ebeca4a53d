/**
 * The start of each message of the bench: its sender, its sequence number, and its planned send
 * time. Each character holds six bits, so that every server relays it as plain text. The driver
 * reads four characters at a time.
 *
 * ```text
 * @ s s s n n n n t t t t t t t
 * ```
 */
export const MARKER_BYTES = 15;

const SENDER_CHARS = 3, SEQ_CHARS = 4, TIME_HIGH_CHARS = 4, TIME_LOW_CHARS = 3;
const SEQ_AT = 1 + SENDER_CHARS, TIME_AT = SEQ_AT + SEQ_CHARS;

/** The time has more bits than an integer of the CPU's fast operations, so it has two parts. */
const TIME_LOW_END = 64 ** TIME_LOW_CHARS;

/** The first character, which identifies a message of the bench. */
const AT_SIGN = 0x40;

/** The first of 64 consecutive printable characters. */
const ZERO = 0x30, ZEROS = 0x30303030;

/** Writes a marker. `timeUs` is in microseconds. */
export function writeMarker(
  bytes: Uint8Array,
  at: number,
  sender: number,
  seq: number,
  timeUs: number,
): void {
  bytes[at] = AT_SIGN;
  write(bytes, at + 1, SENDER_CHARS, sender);
  write(bytes, at + SEQ_AT, SEQ_CHARS, seq);
  const high = Math.floor(timeUs / TIME_LOW_END);
  write(bytes, at + TIME_AT, TIME_HIGH_CHARS, high);
  write(bytes, at + TIME_AT + TIME_HIGH_CHARS, TIME_LOW_CHARS, timeUs - high * TIME_LOW_END);
}

/** Returns the sender of the message that starts here, or undefined if it is not from the bench. */
export function senderOf(view: DataView, at: number): number | undefined {
  const word = view.getUint32(at);
  return word >>> 24 === AT_SIGN ? numberFrom((word - ZEROS) & 0xffffff) : undefined;
}

/** Returns the sequence number of the message, per sender, from 0. */
export function seqOf(view: DataView, at: number): number {
  return numberFrom(view.getUint32(at + SEQ_AT) - ZEROS);
}

/** Returns the planned send time in microseconds. */
export function timeUsOf(view: DataView, at: number): number {
  const high = numberFrom(view.getUint32(at + TIME_AT) - ZEROS);
  const low = numberFrom((view.getUint32(at + TIME_AT + TIME_LOW_CHARS) - ZEROS) & 0xffffff);
  return high * TIME_LOW_END + low;
}

/** Extracts four groups of six bits, each from the low end of a byte. */
function numberFrom(word: number): number {
  return (word >>> 24) << 18 | (word >>> 16 & 63) << 12 | (word >>> 8 & 63) << 6 | word & 63;
}

function write(bytes: Uint8Array, at: number, count: number, value: number): void {
  for (let index = at + count - 1; index >= at; index--) {
    bytes[index] = ZERO + (value & 63);
    value >>>= 6;
  }
}
