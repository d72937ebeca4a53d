/**
 * A place between two messages of a room. To clients it is an opaque text, `EPOCH-NUMBER`.
 *
 * The epoch tells one beginning of a room from the next. Without it a client that comes back after the room has begun anew
 * would give a number that means other messages by now, and be told that it has missed nothing.
 */
export interface Position {
  readonly epoch: string;
  /** How many messages of the room stand before it. */
  readonly number: number;
}

/** Makes an epoch that no other room has had. */
export function newEpoch(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

/** A position as clients get it. */
export function formatPosition({ epoch, number }: Position): string {
  return `${epoch}-${number}`;
}

/** Reads a position; undefined if this is none. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, number] = text.match(/^([0-9a-f]{16})-(0|[1-9]\d{0,14})$/) ?? [];
  return epoch === undefined ? undefined : { epoch, number: Number(number) };
}
