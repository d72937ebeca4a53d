import type { Epoch } from "./history.ts";

/** The epochs of a room, and the positions that they make of sequence numbers. */
export class Epochs {
  readonly #epochs: readonly Epoch[];

  /** @param epochs In order, the current one last. There is at least one. */
  constructor(epochs: readonly Epoch[]) {
    this.#epochs = epochs;
  }

  /** The epoch in which messages are numbered now. */
  get current(): Epoch {
    return this.#epochs.at(-1)!;
  }

  /** The position after the message with this sequence number. */
  positionOf(seq: number): string {
    const epoch = this.#epochs.findLast(({ after }) => after < seq) ?? this.#epochs[0]!;
    return formatPosition({ epoch: epoch.name, seq });
  }

  /**
   * The sequence number of the message before a position; undefined if the room never had the
   * position.
   *
   * A position of an earlier epoch may be ahead of the last message that was committed in it. The
   * messages between are gone, so the function returns the end of the epoch.
   */
  seqOf(text: string, headSeq: number): number | undefined {
    const position = parsePosition(text);
    const index = this.#epochs.findIndex(({ name }) => name === position?.epoch);
    if (!position || index < 0) return undefined;
    const next = this.#epochs[index + 1];
    if (next) return Math.min(position.seq, next.after);
    return position.seq <= headSeq ? position.seq : undefined;
  }
}

/**
 * A place between two messages of a room. Clients see it as an opaque text, `EPOCH-SEQ`.
 *
 * The epoch changes when a room starts over. Without it, a client could resume from a sequence
 * number that now belongs to a different message. The server would then report that the client
 * missed nothing.
 */
export interface Position {
  readonly epoch: string;
  /** The sequence number of the message before the position. */
  readonly seq: number;
}

/** Makes the name of a new epoch. */
export function newEpochName(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

/** Formats a position for clients. */
export function formatPosition({ epoch, seq }: Position): string {
  return `${epoch}-${seq}`;
}

/** Parses a position. Returns undefined if the text is not one. */
export function parsePosition(text: string): Position | undefined {
  const [, epoch, digits] = text.match(/^([0-9a-f]{16})-(0|[1-9]\d{0,15})$/) ?? [];
  const seq = Number(digits);
  return epoch !== undefined && Number.isSafeInteger(seq) ? { epoch, seq } : undefined;
}
