import type { ServerMessage } from "../../../chat/chorus_v1.ts";
import { type PendingMessage, PendingMessages } from "./pending_messages.ts";
import { LastSaid, looksLikeSaid } from "./said_frame.ts";
import { idPrefix } from "./say_message.ts";

/** The events of a {@linkcode ChorusUser}. */
export interface ChorusListener {
  /** The server has committed a message of this user. */
  onAcked(sender: number, message: PendingMessage, position: string): void;
  /** The server has refused a message of this user. */
  onRefused(sender: number, seq: number): void;
  /** An ack came for a message that was not sent, or that had its answer. */
  onUnknownAck(id: string): void;
  /** The server sent an error with this code. */
  onError(code: string): void;
  /** The server left out messages. */
  onGap(reason: string, missedCount: number): void;
}

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

  /**
   * Handles what the server has sent: `bytes` from `start` to `end`.
   *
   * @returns Whether it is a message of the room, or nothing that `chorus.v1` knows.
   */
  receive(bytes: Uint8Array, start: number, end: number): boolean {
    if (looksLikeSaid(bytes, start, end)) {
      this.#last.remember(bytes, start, end);
      return true;
    }
    const text = decoder.decode(bytes.subarray(start, end));
    return !this.#receiveAck(text) && this.#receiveOther(text);
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

  #receiveOther(text: string): boolean {
    const message = parse(text);
    switch (message?.type) {
      case "said":
        this.#last.position = message.position;
        return true;
      case "welcome":
        this.#session = message.session;
        this.#last.position = message.position;
        return false;
      case "ack":
        this.#onAck(message.id, message.position);
        return false;
      case "gap":
        this.#options.listener.onGap(message.reason, message.missedCount);
        return false;
      case "error":
        this.#onError(message.code, message.id);
        return false;
      default:
        // A later server may send other types.
        return typeof message?.type !== "string";
    }
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
  #take(id: string): PendingMessage | undefined {
    const seq = Number(id.slice(this.#idPrefix.length));
    return id === this.#idPrefix + seq ? this.pending.take(seq) : undefined;
  }
}

/** What follows the id of an ack in the encoding of Chorus. */
const POSITION = '","position":"';

function parse(text: string): ServerMessage | undefined {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}
