import { type Marker, MARKER_BYTES, MARKER_LIMITS, writeMarker } from "./marker.ts";

/** What `{id}`, `{seq}` and `{time}` in a message stand for. */
export interface MessageParts {
  /** The user's id. */
  readonly id: number;
  /** Which of its messages it is, from 1 on. */
  readonly seq: number;
  /** When it is said, in milliseconds of the epoch. */
  readonly epochMs: number;
}

/** What a user says: the template with its parts filled in. */
export function messageText(template: string, { id, seq, epochMs }: MessageParts): string {
  if (!template.includes("{")) return template;
  return template
    .replaceAll("{id}", String(id))
    .replaceAll("{seq}", String(seq))
    .replaceAll("{time}", () => new Date(epochMs).toISOString());
}

/** What a marker says that is not about how long the message is. */
export type MarkerParts = Omit<Marker, "wholeBytes">;

const encoder = new TextEncoder();

/** What a message is filled up with. */
const FILLER = 0x2e;

/** Where the marker goes. */
const MARKER_PLACE = "{marker}";

/** Makes messages that carry a marker. */
export class MarkedMessage {
  readonly #before: string;
  readonly #after: string;
  readonly #minBytes: number;

  /**
   * @param template With `{marker}` where the marker goes; it goes to the end if that is nowhere.
   * @param minBytes Shorter messages are filled up to this, behind the marker.
   */
  constructor(template: string, minBytes: number) {
    const at = template.indexOf(MARKER_PLACE);
    this.#before = at < 0 ? `${template} ` : template.slice(0, at);
    this.#after = at < 0 ? "" : template.slice(at + MARKER_PLACE.length);
    this.#minBytes = minBytes;
  }

  /** A message in UTF-8. */
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
