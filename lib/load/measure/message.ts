import { type Marker, MARKER_BYTES, MARKER_LIMITS, writeMarker } from "./marker.ts";

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

const encoder = new TextEncoder();

/** The byte that pads a message: a dot. */
const FILLER = 0x2e;

const MARKER_PLACE = "{marker}";

/** Makes messages that carry a marker. */
export class MarkedMessage {
  readonly #before: string;
  readonly #after: string;
  readonly #minBytes: number;

  /**
   * @param template The message. The marker replaces `{marker}`; without that it is appended.
   * @param minBytes Shorter messages are padded to this length, after the marker.
   */
  constructor(template: string, minBytes: number) {
    const at = template.indexOf(MARKER_PLACE);
    this.#before = at < 0 ? `${template} ` : template.slice(0, at);
    this.#after = at < 0 ? "" : template.slice(at + MARKER_PLACE.length);
    this.#minBytes = minBytes;
  }

  /** Makes a message, in UTF-8. */
  encode(parts: MessageParts, marker: MarkerParts): Uint8Array {
    const before = encoder.encode(messageText(this.#before, parts));
    const after = encoder.encode(messageText(this.#after, parts));
    const textBytes = before.length + after.length;
    const wholeBytes = Math.min(
      MARKER_LIMITS.wholeBytes,
      Math.max(MARKER_BYTES, this.#minBytes - textBytes),
    );
    const message = new Uint8Array(textBytes + wholeBytes);
    message.set(before);
    writeMarker(message, before.length, { ...marker, wholeBytes });
    message.fill(FILLER, before.length + MARKER_BYTES, before.length + wholeBytes);
    message.set(after, before.length + wholeBytes);
    return message;
  }
}
