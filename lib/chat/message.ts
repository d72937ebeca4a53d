/** What a message carries: text, or bytes. */
export type Body = string | Uint8Array;

/** Who published a message. */
export interface Author {
  /** The UUID of a member; null for messages published over HTTP. */
  readonly id: string | null;
  /** The name that the author claims; null if none. */
  readonly name: string | null;
}

/** A message of a room. */
export interface Message {
  /** The message's sequence number in its room, from 1 on. */
  readonly seq: number;
  readonly author: Author;
  /** When the message was published, in milliseconds since 1970. */
  readonly atMs: number;
  readonly body: Body;
}

/**
 * The outcome of publishing a text: its sequence number, and whether its author had published it
 * with the same id before; or that the id belongs to another text, or that the text is not stored.
 */
export type PublishOutcome =
  | { readonly seq: number; readonly isDuplicate: boolean }
  | "id reused"
  | "not committed";
