import {
  MarkedMessage,
  type MarkerParts,
  type MessageParts,
  type Surroundings,
} from "../../measure/message.ts";

const encoder = new TextEncoder();

const TAIL = encoder.encode('"}');

/** Makes messages that carry a marker, as a `say` of `chorus.v1` with an id. */
export class SayMessage {
  readonly #text: MarkedMessage;

  /** As of {@linkcode MarkedMessage}. */
  constructor(template: string, minBytes: number) {
    this.#text = new MarkedMessage(escaped(template), minBytes);
  }

  /** Whether all messages of a user have the same text. */
  get isConstant(): boolean {
    return this.#text.isConstant;
  }

  /** The text around the marker of a message, as it stands in JSON. */
  surroundings(parts: MessageParts): Surroundings {
    return this.#text.surroundings(escapedParts(parts));
  }

  /** Makes a message, in UTF-8. The same parts and marker make the same message. */
  encode(parts: MessageParts, marker: MarkerParts): Uint8Array {
    const text = this.#text.encode(escapedParts(parts), marker);
    const id = idPrefix(marker.run, marker.sender) + marker.seq;
    const head = encoder.encode(`{"type":"say","id":"${id}","text":"`);
    const message = new Uint8Array(head.length + text.length + TAIL.length);
    message.set(head);
    message.set(text, head.length);
    message.set(TAIL, head.length + text.length);
    return message;
  }
}

function escapedParts(parts: MessageParts): MessageParts {
  return { ...parts, name: escaped(parts.name) };
}

/** The ids of a sender's messages begin with this. The sequence number follows. */
export function idPrefix(run: number, sender: number): string {
  return `${run}-${sender}-`;
}

/** The text as it stands in JSON, between the quotes. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
