import type { ServerMessage } from "../../../chat/chorus_v1.ts";
import { findMarker } from "../../measure/ledger/marker.ts";
import { type AnsweredMessage, PendingMessages } from "./pending_messages.ts";
import { LastSaid } from "./said_frame.ts";
import { idPrefix } from "./say_message.ts";

/** The events of a {@linkcode ChorusUser}. */
export interface ChorusListener {
  /** The server has committed a message of this user. */
  onAcked(sender: number, message: AnsweredMessage, position: string): void;
  /** The server has refused a message of this user. */
  onRefused(sender: number, seq: number): void;
  /** An ack came for a message that was not sent, or that had its answer. */
  onUnknownAck(id: string): void;
  /** The server sent an error with this code. */
  onError(code: string): void;
  /** The server left out messages. */
  onGap(reason: string, missedCount: number): void;
}

/**
 * What a frame of the server is: a message of the room, one that is broken (no message of
 * `chorus.v1` can be read from it, or it has a marker and an unknown type), or anything else.
 */
export type FrameKind = "message" | "broken" | "other";

/** What a {@linkcode ChorusUser} is made of. */
export interface ChorusUserOptions {
  readonly run: number;
  /** Its index as a sender; -1 if it only listens. */
  readonly sender: number;
  readonly listener: ChorusListener;
}

const decoder = new TextDecoder();

/**
 * What a user knows that speaks `chorus.v1`: its session, its position, and its messages that have
 * no answer yet. It lasts over the user's connections.
 */
export class ChorusUser {
  readonly #options: ChorusUserOptions;
  readonly #idPrefix: string;
  /** How the ack of an own message begins in the encoding of Chorus. */
  readonly #ackHead: string;
  readonly #last = new LastSaid();
  #session = "";
  readonly pending = new PendingMessages();

  constructor(options: ChorusUserOptions) {
    this.#options = options;
    this.#idPrefix = idPrefix(options.run, options.sender);
    this.#ackHead = `{"type":"ack","id":"${this.#idPrefix}`;
  }

  /** Handles what the server has sent: `bytes` from `start` to `end`. @returns What it is. */
  receive(bytes: Uint8Array, start: number, end: number): FrameKind {
    if (this.#last.remember(bytes, start, end)) return "message";
    const frame = bytes.subarray(start, end);
    const text = decoder.decode(frame);
    return this.#receiveAck(text) ? "other" : this.#receiveOther(frame, text);
  }

  /** Called after the frames of a read, while their bytes are still valid. */
  onRead(): void {
    this.#last.onRead();
  }

  /** Adds to a URL where to resume, and as which member. */
  resumeUrl(url: string): string {
    const { position } = this.#last;
    if (position === "") return url;
    const resumed = new URL(url);
    resumed.searchParams.set("since", position);
    resumed.searchParams.set("session", this.#session);
    return resumed.href;
  }

  /** Reads an ack of Chorus by its place: a fast sender gets as many as it sends. */
  #receiveAck(text: string): boolean {
    if (!text.startsWith(this.#ackHead)) return false;
    const idEnd = text.indexOf('"', this.#ackHead.length);
    const from = idEnd + POSITION.length;
    if (!text.startsWith(POSITION, idEnd)) return false;
    const id = text.slice(this.#ackHead.length - this.#idPrefix.length, idEnd);
    this.#onAck(id, text.slice(from, text.indexOf('"', from)));
    return true;
  }

  #receiveOther(frame: Uint8Array, text: string): FrameKind {
    const message = parse(text);
    if (!message) return "broken";
    switch (message.type) {
      case "said":
        this.#last.position = message.position;
        return "message";
      case "welcome":
        this.#session = message.session;
        this.#last.position = message.position;
        break;
      case "ack":
        this.#onAck(message.id, message.position);
        break;
      case "gap":
        this.#options.listener.onGap(message.reason, message.missedCount);
        break;
      case "error":
        this.#onError(message.code, message.id);
        break;
      case "joined":
      case "left":
      case "token":
      case "reconnect":
      case "status":
      case "pong":
        break;
      default:
        // A later server may send other types, but no messages of users in them.
        if (findMarker(frame, 0, frame.length) >= 0) return "broken";
    }
    return "other";
  }

  #onAck(id: string, position: string): void {
    const { listener, sender } = this.#options;
    const message = this.#take(id);
    if (message) listener.onAcked(sender, message, position);
    else listener.onUnknownAck(id);
  }

  #onError(code: string, id: string | undefined): void {
    const { listener, sender } = this.#options;
    listener.onError(code);
    const message = id === undefined ? undefined : this.#take(id);
    if (message) listener.onRefused(sender, message.seq);
  }

  /** Takes the pending message with this id. */
  #take(id: string): AnsweredMessage | undefined {
    const seq = Number(id.slice(this.#idPrefix.length));
    return id === this.#idPrefix + seq ? this.pending.take(seq) : undefined;
  }
}

/** What follows the id of an ack in the encoding of Chorus. */
const POSITION = '","position":"';

/** The fields that must be a text, by type. */
const TEXT_FIELDS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ["said", ["position"]],
  ["welcome", ["session", "position"]],
  ["ack", ["id", "position"]],
  ["gap", ["reason"]],
  ["error", ["code"]],
]);

/** Reads a message of the server. @returns undefined if it is none. */
function parse(text: string): ServerMessage | undefined {
  try {
    const message = JSON.parse(text);
    const fields = ["type", ...TEXT_FIELDS.get(message?.type) ?? []];
    return fields.every((field) => typeof message?.[field] === "string") ? message : undefined;
  } catch {
    return undefined;
  }
}
