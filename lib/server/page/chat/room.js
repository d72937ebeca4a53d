import { connect } from "../chorus.js";
import { FailedMessages } from "./failed_messages.js";
import { readStoredText, writeStored } from "./stored.js";
import { Timeline } from "./timeline.js";

/** How many messages a room shows at first. */
const REPLAY_COUNT = 50;

/** How many older messages the page asks for at a time. */
const PAGE_SIZE = 100;

/**
 * @typedef {import("../chorus.js").Chorus} Chorus
 * @typedef {import("../chorus.js").ChatMessage} ChatMessage
 * @typedef {import("./failed_messages.js").Outgoing} Outgoing
 *
 * @typedef {object} RoomOptions
 * @property {string} name Of the room.
 * @property {() => void} onChange Called after each change. Must be cheap.
 */

/** A room that the user is in: its connection, what happened in it, and what is unread. */
export class Room {
  name;
  timeline = new Timeline();
  /** @type {Map<string, Outgoing>} */
  outgoing = new Map();
  /** @type {import("../chorus.js").ChatStatus} */
  status = { state: "connecting" };
  /** @type {readonly import("../chorus.js").ChatMember[]} */
  members = [];
  memberCount = 0;
  unreadCount = 0;
  /** The place where the user left off: a marker is shown before the next message. */
  markerPosition;
  isLoadingOlder = false;
  /** Why older messages could not be loaded. @type {string | undefined} */
  loadFailure;
  /** The last thing that went wrong, in words. @type {string | undefined} */
  trouble;
  /** Whether the server holds messages, as it cannot store them now. */
  isHolding = false;
  /** Whether the user sees the newest messages. */
  isAttended = false;
  /** @type {Chorus | undefined} */
  #chat;
  #onChange;
  #failed;
  #readPosition;
  #isReadStored = true;
  #replayedCount = 0;
  /** Whether the replay has not reached the last message that was read. */
  #hasUnreadBefore = false;

  /** @param {RoomOptions} options */
  constructor({ name, onChange }) {
    this.name = name;
    this.#onChange = onChange;
    this.#readPosition = readStoredText(`read.${name}`);
    this.markerPosition = this.#readPosition;
    this.#failed = new FailedMessages(name);
    for (const each of this.#failed.read()) this.outgoing.set(each.id, each);
  }

  /** Whether more is unread than the replay had. */
  get hasMoreUnread() {
    return this.#hasUnreadBefore && this.#replayedCount >= REPLAY_COUNT;
  }

  /** The user's id in this room; undefined before the first connection. */
  get you() {
    return this.#chat?.you;
  }

  /** The name that the server knows the user by. */
  get ownName() {
    return this.members.find(({ id }) => id === this.you)?.name ?? undefined;
  }

  /** The longest text in bytes; undefined if it is not known. */
  get maxMessageBytes() {
    return this.#chat?.maxMessageBytes;
  }

  /**
   * Connects, or connects again with another name or token.
   *
   * @param {{ name: string | undefined, token: string | undefined }} identity
   */
  connect({ name, token }) {
    this.#chat?.close();
    const chat = connect(".", {
      room: this.name,
      last: REPLAY_COUNT,
      ...(name === undefined ? {} : { name }),
      ...(token === undefined ? {} : { token }),
    });
    this.#chat = chat;
    this.status = { state: "connecting" };
    this.trouble = undefined;
    this.isHolding = false;
    this.#listen(chat);
    this.#onChange();
  }

  /** Leaves the room. */
  close() {
    this.#chat?.close();
  }

  /** Connects at once, if it waits to connect again. */
  retryNow() {
    this.#chat?.retryNow();
  }

  /** Sends a text. It is shown as sent when it comes back from the room. @param {string} text */
  send(text) {
    if (!this.#chat) return;
    const wasClosed = this.status.state === "closed";
    const sent = this.#chat.send(text);
    const { id } = sent;
    this.outgoing.set(id, { id, text, failure: undefined });
    sent.catch((error) => {
      // What was in the outbox when the client ended may be in that of the next client.
      if (error.code !== "closed" || wasClosed) this.#fail(id, error);
    });
    this.#onChange();
  }

  /** Sends a message that failed again, unless another tab has done so. @param {string} id */
  retry(id) {
    const outgoing = this.outgoing.get(id);
    if (this.discard(id) && outgoing) this.send(outgoing.text);
  }

  /** Forgets a message that failed. @param {string} id @returns {boolean} False if another tab has. */
  discard(id) {
    this.outgoing.delete(id);
    this.#onChange();
    return this.#failed.take(id);
  }

  /** Loads older messages, if there are any. */
  async loadOlder() {
    const { timeline } = this;
    if (!this.#chat || this.isLoadingOlder || !timeline.hasOlder) return;
    this.isLoadingOlder = true;
    this.loadFailure = undefined;
    try {
      const { before } = timeline;
      const page = await this.#chat.history({
        limit: PAGE_SIZE,
        ...(before === undefined ? {} : { before }),
      });
      // Meanwhile the timeline may have dropped its oldest entries. Then the page does not fit.
      if (timeline.before === before) {
        const count = timeline.prepend(page.messages.map(contentOf));
        timeline.before = page.before;
        timeline.hasOlder = page.hasMore && count > 0;
      }
    } catch (error) {
      this.loadFailure = error instanceof Error ? error.message : String(error);
    }
    this.isLoadingOlder = false;
    this.#onChange();
  }

  /** The user looks elsewhere: marks the place where they leave off. */
  leave() {
    this.isAttended = false;
    this.markerPosition = this.#readPosition;
  }

  /** Counts all messages as read. */
  markRead() {
    let last = this.timeline.last;
    while (last && last.content.kind !== "message") last = last.previous;
    this.unreadCount = 0;
    this.#hasUnreadBefore = false;
    if (last?.content.kind !== "message" || last.content.position === this.#readPosition) return;
    this.#readPosition = last.content.position;
    this.#isReadStored = false;
  }

  /** Stores what was read, for the next visit. */
  storeRead() {
    if (this.#isReadStored) return;
    writeStored(`read.${this.name}`, this.#readPosition);
    this.#isReadStored = true;
  }

  /** @param {Chorus} chat */
  #listen(chat) {
    const react = (/** @type {() => void} */ handle) => {
      // An old connection may have its last word after a new one was made.
      if (chat !== this.#chat) return;
      handle();
      this.#onChange();
    };
    chat.addEventListener("message", ({ detail }) => react(() => this.#receive(detail)));
    chat.addEventListener(
      "gap",
      ({ detail: { missedCount, reason } }) =>
        react(() => this.timeline.append({ kind: "gap", missedCount, reason })),
    );
    chat.addEventListener("presence", ({ detail: { members, memberCount } }) =>
      react(() => {
        this.members = members;
        this.memberCount = memberCount;
      }));
    let hasOpened = false;
    chat.addEventListener("status", ({ detail: status }) =>
      react(() => {
        this.status = status;
        // The next connection hears of it again.
        this.isHolding = false;
        this.#adoptOutbox();
        if (status.state !== "open") return;
        this.trouble = undefined;
        this.loadFailure = undefined;
        if (!hasOpened) this.#startReplay(chat);
        hasOpened = true;
      }));
    chat.addEventListener(
      "storing",
      ({ detail: { storing } }) => react(() => this.isHolding = !storing),
    );
    chat.addEventListener("error", ({ detail: { error } }) =>
      react(() => {
        const { id } = error;
        if (id !== undefined && this.outgoing.has(id)) this.#fail(id, error);
        else this.trouble = error.message;
      }));
  }

  /** A new client starts with a replay. What is shown may end long before it. @param {Chorus} chat */
  #startReplay(chat) {
    this.timeline = new Timeline();
    this.unreadCount = 0;
    this.#replayedCount = 0;
    this.#hasUnreadBefore = ![undefined, chat.position].includes(this.#readPosition);
    this.#failStranded();
  }

  /** @param {ChatMessage} message */
  #receive(message) {
    const content = contentOf(message);
    if (message.id !== undefined) this.outgoing.delete(message.id);
    const { last } = this.timeline;
    const isFirstReplay = message.isReplay && this.#readPosition === undefined;
    const lastPosition = last?.content.kind === "message" ? last.content.position : undefined;
    if (!this.timeline.append(content)) return;
    if (message.isReplay) this.#replayedCount++;
    if (content.position === this.#readPosition) {
      // All before this message was read on an earlier visit.
      this.unreadCount = 0;
      this.#hasUnreadBefore = false;
    } else if (!content.isOwn && !isFirstReplay) {
      this.unreadCount++;
    }
    // The user is here and has read all so far: nothing to mark.
    if (this.isAttended && !message.isReplay && this.markerPosition === lastPosition) {
      this.markerPosition = undefined;
    }
  }

  /** Shows what an earlier life of this page has not sent yet. */
  #adoptOutbox() {
    for (const { id, text } of this.#chat?.outbox ?? []) {
      const known = this.outgoing.get(id);
      if (known && !known.failure) continue;
      this.outgoing.set(id, { id, text, failure: undefined });
      if (known) this.#failed.take(id);
    }
  }

  /**
   * Marks the messages of the client before that this one does not send: it has another user, or
   * there is no storage, or another tab has taken over the session.
   */
  #failStranded() {
    const waiting = new Set(this.#chat?.outbox.map(({ id }) => id));
    for (const { id, failure } of this.outgoing.values()) {
      if (failure || waiting.has(id)) continue;
      this.#fail(id, { code: "closed", message: "the connection was replaced before that" });
    }
  }

  /**
   * @param {string} id
   * @param {{ code: string, message: string }} error
   */
  #fail(id, { code, message }) {
    const outgoing = this.outgoing.get(id);
    if (!outgoing) return;
    const failed = { ...outgoing, failure: { code, message } };
    this.outgoing.set(id, failed);
    this.#failed.add(failed);
    this.#onChange();
  }
}

/**
 * @param {ChatMessage} message
 * @returns {import("./timeline.js").MessageContent}
 */
function contentOf({ text, binary, ...message }) {
  return { ...message, kind: "message", text: text ?? `(${binary?.length ?? 0} bytes)` };
}
