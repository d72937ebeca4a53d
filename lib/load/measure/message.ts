import {
  fillBehindMarker,
  type Marker,
  MARKER_BYTES,
  MARKER_LIMITS,
  writeMarker,
} from "./ledger/marker.ts";

/** The values of `{id}`, `{name}`, `{seq}`, and `{time}` in a message. */
export interface MessageParts {
  /** The user's id. */
  readonly id: number;
  /** The user's name. */
  readonly name: string;
  /** Counts the user's messages from 1. */
  readonly seq: number;
  /** When the message is sent, in milliseconds since 1970. */
  readonly epochMs: number;
}

/** Fills the values into a message template. */
export function messageText(template: string, parts: MessageParts): string {
  if (!template.includes("{")) return template;
  const { id, name, seq, epochMs } = parts;
  return template
    .replaceAll("{id}", String(id))
    .replaceAll("{name}", () => name)
    .replaceAll("{seq}", String(seq))
    .replaceAll("{time}", () => new Date(epochMs).toISOString());
}

/** The fields of a marker that do not depend on the message's length. */
export type MarkerParts = Omit<Marker, "wholeBytes">;

/** The text before a marker and what is made from it, and the text behind, in UTF-8. */
export interface Surroundings {
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

const encoder = new TextEncoder();

const MARKER_PLACE = "{marker}";

/** Makes messages that carry a marker. */
export class MarkedMessage {
  readonly #before: string;
  readonly #after: string;
  readonly #minBytes: number;
  /** Whether all messages of a user have the same text. */
  readonly isConstant: boolean;

  /**
   * @param template The message. The marker replaces `{marker}`; without that it is appended.
   * @param minBytes Shorter messages are filled up to this length, behind the marker.
   */
  constructor(template: string, minBytes: number) {
    const at = template.indexOf(MARKER_PLACE);
    this.#before = at < 0 ? `${template} ` : template.slice(0, at);
    this.#after = at < 0 ? "" : template.slice(at + MARKER_PLACE.length);
    this.#minBytes = minBytes;
    this.isConstant = !/\{(seq|time)\}/.test(template);
  }

  /** Makes a message, in UTF-8. */
  encode(parts: MessageParts, marker: MarkerParts): Uint8Array {
    const { before, after } = this.surroundings(parts);
    const textBytes = before.length + after.length;
    const wholeBytes = Math.min(
      MARKER_LIMITS.wholeBytes,
      Math.max(MARKER_BYTES, this.#minBytes - textBytes),
    );
    const message = new Uint8Array(textBytes + wholeBytes);
    message.set(before);
    writeMarker(message, before.length, { ...marker, wholeBytes });
    fillBehindMarker(message, before.length, before.length + wholeBytes);
    message.set(after, before.length + wholeBytes);
    return message;
  }

  /** The text around the marker of a message. */
  surroundings(parts: MessageParts): Surroundings {
    return {
      before: encoder.encode(messageText(this.#before, parts)),
      after: encoder.encode(messageText(this.#after, parts)),
    };
  }
}
