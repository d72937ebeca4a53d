// @ts-check
/**
 * The client library of Chorus, for browsers, Deno, and Node 22. README.md beside this file
 * documents it.
 *
 * ```js
 * import { connect } from "http://localhost:8000/chorus.js";
 *
 * const chat = connect("http://localhost:8000/", { name: "Ann", room: "tea" });
 * chat.addEventListener("message", ({ detail }) => console.log(detail.name, detail.text));
 * await chat.send("Tea is ready");
 * ```
 *
 * @module
 */

/**
 * A message of the room.
 *
 * @typedef {object} ChatMessage
 * @property {string} position The position after the message. Compare positions for equality only.
 * @property {string | null} from The member id of the author; null if it was published over HTTP.
 * @property {string | null} name The name of the author.
 * @property {string} [text] The text; missing if the message is binary.
 * @property {Uint8Array} [binary] The bytes of a binary message.
 * @property {Date} at When it was published.
 * @property {boolean} isOwn Whether this client has published it.
 * @property {boolean} isReplay Whether it was published before this client connected.
 * @property {string} [id] The id that `send` gave it, if it was waiting in this client's outbox.
 */

/**
 * A member of the room.
 *
 * @typedef {object} ChatMember
 * @property {string} id
 * @property {string | null} name
 */

/**
 * A message that waits to be published.
 *
 * @typedef {object} OutboxMessage
 * @property {string} id
 * @property {string} text
 * @property {Date} createdAt When `send` was called.
 */

/**
 * - `connecting`: the client connects, for the first time or again.
 * - `open`: the client is in the room.
 * - `waiting`: the client tries again later.
 * - `closed`: the client has ended for good.
 *
 * @typedef {"connecting" | "open" | "waiting" | "closed"} ChatState
 */

/**
 * @typedef {object} ChatStatus
 * @property {ChatState} state
 * @property {string} [reason] Why the client waits or is closed, in words.
 * @property {number} [retryAtMs] With `waiting`: when it tries again, on the clock of `Date.now()`.
 * @property {number} [code] The close code or the HTTP status behind the reason.
 * @property {boolean} [isResumed] With `open`: whether it goes on without a gap.
 * @property {boolean} [needsToken] With `closed`: whether a new token would help.
 */

/**
 * @typedef {object} ChatPresence
 * @property {readonly ChatMember[]} members The members that the server has named.
 * @property {number} memberCount How many members the room has.
 * @property {readonly ChatMember[]} joined
 * @property {readonly ChatMember[]} left
 */

/**
 * Messages that the client will not get.
 *
 * @typedef {object} ChatGap
 * @property {string} after The last position before the gap.
 * @property {string} before The position of the first message after the gap.
 * @property {number} missedCount How many messages are missing; 0 if the server does not know.
 * @property {string} reason
 */

/**
 * Whether the server can store messages now. If not, it holds them.
 *
 * @typedef {object} ChatStoring
 * @property {boolean} storing
 * @property {string} message What has happened, in words.
 */

/**
 * The details of the events, by type.
 *
 * @typedef {object} ChatEvents
 * @property {ChatMessage} message
 * @property {ChatStatus} status
 * @property {ChatPresence} presence
 * @property {ChatGap} gap
 * @property {ChatStoring} storing
 * @property {{ readonly error: ChorusError }} error
 */

/**
 * @template {string} Type
 * @typedef {Type extends keyof ChatEvents ? (event: CustomEvent<ChatEvents[Type]>) => void
 *   : (event: Event) => void} ChatListener
 */

/**
 * Where sessions and unsent messages are stored: the part of `localStorage` that is used.
 *
 * @typedef {object} ChatStorage
 * @property {(key: string) => string | null} getItem
 * @property {(key: string, value: string) => void} setItem
 * @property {(key: string) => void} removeItem
 * @property {(index: number) => string | null} key
 * @property {number} length
 */

/** @typedef {"connect" | "expiring" | "expired"} TokenReason */

/** @typedef {(request: { readonly reason: TokenReason }) => Awaitable<string>} TokenCallback */

/**
 * @template T
 * @typedef {T | Promise<T>} Awaitable
 */

/**
 * @typedef {object} ChatOptions
 * @property {string} [name] The name that others see.
 * @property {string} [room] `lobby` by default.
 * @property {string | TokenCallback} [token] A token, or a function that gets one before each
 * connection.
 * @property {number} [last] How many messages to replay on the first connection; 0 by default.
 * @property {ChatStorage | null} [storage] `localStorage` by default in pages; null for none.
 * @property {number} [heartbeatMs] How long the connection may be silent before it is checked;
 * 15,000 by default.
 */

/** How long a connection may take until the welcome. */
const CONNECT_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 15_000;
/** How long to wait for the answer to a ping. */
const PONG_TIMEOUT_MS = 10_000;
/** The same, if there is a reason to doubt the connection. */
const QUICK_PONG_TIMEOUT_MS = 3_000;
/** A timer that is late by more than this was frozen, and so was everything else. */
const FROZEN_MS = 2_000;

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 30_000;
/** A connection that was open for this long ends a series of failures. */
const STABLE_MS = 5_000;
/** A server that asks for a longer pause is not believed. */
const MAX_PAUSE_MS = 10 * 60_000;
/** The server says that a token expires no earlier than this. */
const LONGEST_NOTICE_SECONDS = 30;
/** How long a message that was not committed waits at most until it is sent again. */
const FIRST_RESEND_MS = 1_000;
const MAX_RESEND_MS = 30_000;
/** How long the `close` event may come after the `error` event. */
const ERROR_GRACE_MS = 100;

const MAX_OUTBOX = 1_000;
/** How many messages may wait for their acknowledgement on one connection. */
const MAX_IN_FLIGHT = 64;
/** How many members are remembered: the server names 100 at a time. */
const MAX_MEMBERS = 1_000;

/** How long a session that no client uses is stored. */
const MAX_SESSION_AGE_MS = 7 * 24 * 3600_000;
/** How often a page without Web Locks says that it uses its session, and how long that counts. */
const LEASE_RENEWAL_MS = 10_000;
const LEASE_MS = 3 * 60_000;
/** How long a page that is loaded again waits for its former self to end. */
const CLAIM_TIMEOUT_MS = 500;

/** The global object. Most of its parts are missing in some of the environments. */
const env = /** @type {any} */ (globalThis);

/**
 * Connects to a room. Returns at once, and connects in the background.
 *
 * @param {string | URL} url The server: `http://host/`, or a path prefix, or the URL of its `/ws`.
 * @param {ChatOptions} [options]
 * @returns {Chorus}
 * @throws {TypeError} If the URL is not valid.
 */
export function connect(url, options = {}) {
  return new Chorus(url, options);
}

/** Something that the client or the server could not do. */
export class ChorusError extends Error {
  /**
   * @param {string} code A stable name, for programs.
   * @param {string} message What is wrong, for people.
   * @param {{ id?: string | undefined, status?: number, cause?: unknown }} [about]
   */
  constructor(code, message, { id, status, cause } = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "ChorusError";
    this.code = code;
    /** The id of the message that was not sent. */
    this.id = id;
    /** The status of the server's HTTP response. */
    this.status = status;
  }
}

/**
 * A client in a room. It stays the same member of the room over all its connections.
 *
 * ```text
 *          ┌───────────────close code, silence────────────────┐
 *          ▼                                                  │
 *       waiting ──time, online, page shown──▶ connecting ──▶ open
 *          ▲                                      │           │
 *          └────────────────failure───────────────┤           │
 *                                                 ▼           ▼
 *                                              closed ◀──close(), a final close code
 * ```
 */
export class Chorus extends EventTarget {
  /** @type {ChatOptions} */
  #options;
  /** @type {ServerUrls} */
  #urls;
  /** @type {ChatState} */
  #state = "connecting";
  /** Set when the client has ended. */
  #closedMessage = "";
  /** Identifies the current attempt or connection: callbacks of earlier ones have no effect. */
  #turn = {};
  /** @type {Connection | undefined} */
  #connection;
  /** @type {SessionStore | undefined} */
  #session;
  #outbox = new Outbox();
  #pageEvents = new AbortController();

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resendTimer;
  #failureCount = 0;
  /** Whether the server can store messages, as far as this connection knows. */
  #isStoring = true;
  /** How often messages were sent again since the server cannot store any. */
  #resendCount = 0;
  /** The delay in milliseconds that the server asks for. @type {number | undefined} */
  #reconnectInMs;
  /** When the welcome of the connection came. @type {number | undefined} */
  #openedAtMs;
  /** Whether a refused token has been replaced since the last welcome. */
  #hasNewToken = false;
  /** @type {string | undefined} */
  #token;
  /** @type {TokenReason} */
  #tokenReason = "connect";
  /** @type {"asking" | "sent" | undefined} */
  #renewal;
  #renewedAtMs = -Infinity;

  /** @type {string | undefined} */
  #you;
  /** All ids that this client has had. @type {Set<string>} */
  #ownIds = new Set();
  /** @type {Map<string, ChatMember>} */
  #members = new Map();
  #memberCount = 0;
  /** @type {string | undefined} */
  #position;
  /** The position that ends the replay. @type {string | undefined} */
  #replayEnd;
  /** Whether a replay has ended. Until then, own messages may be older than this client. */
  #hasCaughtUp = false;
  /** The positions since `#position` of own messages that were delivered. @type {Set<string>} */
  #ackedPositions = new Set();
  /** @type {() => void} */
  #resolveEntered = () => {};
  /** @type {(error: ChorusError) => void} */
  #rejectEntered = () => {};
  /** Resolves with the first welcome. @type {Promise<void>} */
  #entered = new Promise((resolve, reject) => {
    this.#resolveEntered = resolve;
    this.#rejectEntered = reject;
  });
  /** Where the next page of the history ends. @type {string | undefined} */
  #historyBefore;
  /** @type {Promise<unknown>} */
  #lastHistory = Promise.resolve();

  /**
   * @param {string | URL} url
   * @param {ChatOptions} options
   */
  constructor(url, options) {
    super();
    this.#options = options;
    this.#urls = new ServerUrls(url, options.room ?? "lobby");
    this.#entered.catch(() => {});
    this.#watchPage();
    queueMicrotask(() => {
      if (this.#state === "connecting") this.#connect();
    });
  }

  get room() {
    return this.#urls.room;
  }

  get name() {
    return this.#options.name;
  }

  /** The own member id; undefined before the first welcome. */
  get you() {
    return this.#you;
  }

  get state() {
    return this.#state;
  }

  /**
   * The members that the server has named: the first 100, and those who came later.
   *
   * @returns {ChatMember[]}
   */
  get members() {
    return [...this.#members.values()];
  }

  get memberCount() {
    return this.#memberCount;
  }

  /** The position of the last message. */
  get position() {
    return this.#position;
  }

  /** The longest text that can be sent, see {@linkcode textBytes}; undefined until it is known. */
  get maxMessageBytes() {
    return this.#outbox.maxTextBytes;
  }

  /**
   * The messages that have no acknowledgement, and have not come as a `message`, oldest first.
   *
   * @returns {OutboxMessage[]}
   */
  get outbox() {
    return this.#outbox.messages;
  }

  /**
   * Publishes a text in the room, now or as soon as there is a connection.
   *
   * @param {string} text
   * @returns {Promise<string> & { readonly id: string }} The position of the message, once the
   * server has committed it. Rejects with a {@linkcode ChorusError}. An ignored rejection is not
   * an unhandled one.
   */
  send(text) {
    const id = newId();
    const sent = this.#send(id, text);
    sent.catch(() => {});
    return Object.assign(sent, { id });
  }

  /**
   * Reads a page of older messages. Without `before`, each call returns the page before the one
   * of the call before it.
   *
   * @param {{ before?: string, limit?: number }} [query]
   * @returns {Promise<{ messages: ChatMessage[], before: string, hasMore: boolean }>} The messages
   * in order, the `before` of the next page, and whether there is one. There are no messages if the
   * server does not know the position.
   */
  history({ before, limit = 50 } = {}) {
    const page = this.#lastHistory.then(() => this.#readHistory(before, limit));
    this.#lastHistory = page.catch(() => {});
    return page;
  }

  /** Connects at once, if the client waits. */
  retryNow() {
    if (this.#state === "waiting") this.#connect();
  }

  /** Ends the client for good. Unsent messages reject, but stay stored. */
  close() {
    if (this.#state === "closed") return;
    this.#connection?.abandon(1000);
    this.#closeForGood("closed by this client", { code: 1000 });
  }

  /**
   * Like that of every `EventTarget`, with the types of these events.
   *
   * @template {string} Type
   * @param {Type} type
   * @param {ChatListener<Type> | EventListenerObject | null} listener
   * @param {boolean | AddEventListenerOptions} [options]
   * @override
   */
  addEventListener(type, listener, options) {
    super.addEventListener(type, /** @type {EventListener} */ (listener), options);
  }

  /**
   * @template {keyof ChatEvents} Type
   * @param {Type} type
   * @param {ChatEvents[Type]} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {ChorusError} error */
  #report(error) {
    this.#emit("error", { error });
  }

  /**
   * Changes the state. Listeners may call methods that change it again, so this comes last.
   *
   * @param {ChatState} state
   * @param {Omit<ChatStatus, "state">} [about]
   */
  #setState(state, about = {}) {
    this.#state = state;
    this.#emit("status", { state, ...about });
  }

  /** Makes an attempt to connect. */
  async #connect() {
    const turn = this.#startTurn();
    if (this.#session) this.#setState("connecting");
    try {
      const token = await this.#askToken(this.#tokenReason);
      if (this.#turn !== turn) return;
      this.#token = token;
      this.#tokenReason = "connect";
    } catch (cause) {
      if (this.#turn !== turn) return;
      this.#report(new ChorusError("token_failed", "There is no token", { cause }));
      if (this.#turn === turn) this.#retryLater("there is no token");
      return;
    }
    if (!this.#session && !await this.#openSession(turn)) return;
    const protocols = ["chorus.v1"];
    if (this.#token) protocols.push(`chorus.token.${this.#token}`);
    try {
      this.#connection = Connection.open(this.#urls.webSocket(this.#query()), protocols, {
        heartbeatMs: this.#options.heartbeatMs ?? HEARTBEAT_MS,
        onMessage: (message) => this.#receive(message),
        onFault: (cause) => {
          const message = "A message of the server cannot be read";
          this.#report(new ChorusError("bad_message", message, { cause }));
        },
        onEnd: (ending) => this.#ended(ending),
      });
    } catch (cause) {
      const needsToken = this.#token !== undefined;
      this.#closeForGood(`the address or the token is not valid: ${cause}`, { needsToken });
    }
  }

  /** Ends the current connection or attempt, so that there are never two. */
  #startTurn() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#resendTimer);
    this.#connection?.abandon();
    this.#connection = undefined;
    this.#openedAtMs = undefined;
    this.#reconnectInMs = undefined;
    this.#renewal = undefined;
    this.#isStoring = true;
    this.#resendCount = 0;
    this.#outbox.disconnected();
    return this.#turn = {};
  }

  /** @param {object} turn @returns {Promise<boolean>} Whether the turn goes on. */
  async #openSession(turn) {
    const { storage = defaultStorage() } = this.#options;
    const scope = `${this.#urls.webSocket()} ${this.room}`;
    const session = await SessionStore.open(storage, scope, userOf(this.#token));
    if (this.#turn !== turn) {
      session.leave();
      return false;
    }
    this.#session = session;
    this.#outbox.restore(session, (error) => this.#report(error));
    if (this.#turn !== turn) return false;
    // There may be more in the outbox than before.
    this.#setState("connecting");
    return this.#turn === turn;
  }

  /** The query of the next connection. @returns {Record<string, string>} */
  #query() {
    const { name, last } = this.#options;
    const session = this.#session?.session;
    return {
      room: this.room,
      ...name !== undefined && { name },
      ...session !== undefined && { session },
      ...this.#position !== undefined
        ? { since: this.#position }
        : last !== undefined && { last: `${last}` },
      // Without its own messages between those of others, a client does not know their order.
      echo: "true",
    };
  }

  /** @param {TokenReason} reason @returns {Promise<string | undefined>} */
  async #askToken(reason) {
    const { token } = this.#options;
    return await (typeof token === "function" ? token({ reason }) : token) || undefined;
  }

  /** Handles the end of the connection. @param {Ending} ending */
  #ended({ code, reason, isSilent }) {
    const openedAtMs = this.#openedAtMs;
    const reconnectInMs = this.#reconnectInMs;
    this.#startTurn();
    const isStable = openedAtMs !== undefined && performance.now() - openedAtMs >= STABLE_MS;
    if (isStable) this.#failureCount = 0;
    if (isFinalCode(code)) return this.#closeForGood(reason, { code, needsToken: code === 4503 });
    if (code === 4401 && typeof this.#options.token !== "function") {
      return this.#closeForGood(reason, { code, needsToken: true });
    }
    if (code === 4401) {
      this.#tokenReason = "expired";
      if (isStable) return void this.#connect();
    }
    if (code === 4029) this.#outbox.slowDown();
    if (openedAtMs === undefined && !isSilent) return void this.#askWhy(reason, code);
    this.#retryLater(reason, { code, delayMs: reconnectInMs });
  }

  /**
   * Asks over HTTP why there is no connection, as a WebSocket does not tell.
   *
   * @param {string} reason What the WebSocket tells.
   * @param {number} code
   */
  async #askWhy(reason, code) {
    const turn = this.#turn;
    const refusal = await this.#findRefusal();
    if (this.#turn !== turn) return;
    if (!refusal) return this.#retryLater(reason, { code });
    const { status, waitMs } = refusal;
    const isFinal = status >= 400 && status < 500 && status !== 408 && status !== 429;
    if (!isFinal) return this.#retryLater(refusal.reason, { code: status, minMs: waitMs });
    if (status === 401 && typeof this.#options.token === "function" && !this.#hasNewToken) {
      this.#hasNewToken = true;
      this.#tokenReason = "expired";
      return void this.#connect();
    }
    const needsToken = status === 401 || status === 403;
    this.#closeForGood(refusal.reason, { code: status, needsToken });
  }

  /**
   * @returns {Promise<{ status: number, reason: string, waitMs: number } | undefined>} Undefined if
   * the server does not answer.
   */
  async #findRefusal() {
    try {
      // HEAD joins no room if nothing is wrong, but it has no reason.
      const { ok } = await this.#fetch("events", this.#query(), "HEAD");
      if (ok) return { status: 200, reason: "the server refused the WebSocket", waitMs: 0 };
      const response = await this.#fetch("events", this.#query());
      const { status, headers } = response;
      const reason = response.ok ? "the server refused the WebSocket" : await detailOf(response);
      if (response.ok) await response.body?.cancel();
      const waitMs = 1000 * Number(headers.get("retry-after"));
      return { status, reason, waitMs: Math.min(waitMs || 0, MAX_PAUSE_MS) };
    } catch {
      return undefined;
    }
  }

  /**
   * @param {string} resource
   * @param {Record<string, string>} query
   * @param {"GET" | "HEAD"} [method]
   */
  #fetch(resource, query, method = "GET") {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json" };
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
    return fetch(this.#urls.api(resource, query), { method, headers, signal });
  }

  /**
   * Schedules the next attempt. Without a delay from the server it is random, so that the clients
   * of a server that comes back do not arrive all at once.
   *
   * @param {string} reason
   * @param {{ code?: number, delayMs?: number | undefined, minMs?: number }} [about]
   */
  #retryLater(reason, { code, delayMs, minMs = 0 } = {}) {
    const maxMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failureCount++);
    const inMs = delayMs ?? minMs + Math.random() * maxMs;
    this.#retryTimer = setTimeout(() => this.#connect(), inMs);
    const about = code === undefined ? {} : { code };
    this.#setState("waiting", { reason, retryAtMs: Date.now() + inMs, ...about });
  }

  /**
   * Ends the client, also if it was the server that closed.
   *
   * @param {string} reason
   * @param {{ code?: number, needsToken?: boolean }} about
   */
  #closeForGood(reason, { code, needsToken = false }) {
    this.#startTurn();
    this.#pageEvents.abort();
    this.#session?.leave();
    this.#state = "closed";
    this.#closedMessage = `The chat is closed: ${reason}`;
    this.#rejectEntered(new ChorusError("closed", this.#closedMessage));
    this.#outbox.close(this.#closedMessage);
    this.#setState("closed", { reason, needsToken, ...code !== undefined && { code } });
  }

  /** Handles a message of the server. Unknown types are ignored. @param {ServerMessage} message */
  #receive(message) {
    switch (message.type) {
      case "welcome":
        return this.#onWelcome(message);
      case "said":
        return this.#onSaid(message);
      case "ack":
        return this.#onAck(message);
      case "joined":
      case "left":
        return this.#onPresence(message);
      case "gap": {
        const { after, before, missedCount, reason } = message;
        // The message that ends the replay may be among those that are missing.
        if (reason === "too slow") this.#replayEnd = undefined;
        return this.#emit("gap", { after, before, missedCount, reason });
      }
      case "token":
        return void this.#onTokenNotice(message.expiresInSeconds);
      case "reconnect":
        if (message.inMs >= 0 && message.inMs <= MAX_PAUSE_MS) this.#reconnectInMs = message.inMs;
        return;
      case "status":
        return this.#onStoring(message);
      case "error":
        return this.#onError(message);
    }
  }

  /** @param {ServerMessage} welcome */
  #onWelcome({ you, session, position, head, recovered, members, memberCount, maxMessageBytes }) {
    this.#openedAtMs = performance.now();
    this.#hasNewToken = false;
    this.#you = you;
    this.#ownIds.add(you);
    this.#session?.save(session);
    if (recovered !== true) this.#ackedPositions.clear();
    this.#position = position;
    this.#historyBefore ??= position;
    this.#replayEnd = head;
    if (head === position) this.#endReplay();
    this.#members = new Map(memberList(members).map((member) => [member.id, member]));
    this.#memberCount = memberCount;
    this.#resolveEntered();
    const turn = this.#turn;
    if (maxMessageBytes > 0) this.#outbox.limit(maxMessageBytes);
    if (this.#turn !== turn) return;
    this.#setState("open", { isResumed: recovered === true });
    if (this.#turn !== turn) return;
    this.#emit("presence", { members: this.members, memberCount, joined: [], left: [] });
    this.#sendDue();
  }

  /** @param {ServerMessage} said */
  #onSaid(said) {
    const { position, text } = said;
    const isReplay = this.#replayEnd !== undefined;
    const message = this.#toMessage(said, isReplay);
    const isOld = isReplay && !this.#hasCaughtUp;
    if (position === this.#replayEnd) this.#endReplay();
    this.#position = position;
    if (this.#ackedPositions.delete(position)) return;
    this.#ackedPositions.clear();
    let entry;
    if (message.isOwn && isOld) entry = this.#outbox.guess(text, position);
    else if (message.isOwn) entry = this.#outbox.match(text, isReplay);
    // The server has lost this message when it was killed, and now published it again.
    if (entry?.delivery === "certain") return;
    if (entry) entry.delivery = isOld ? "guessed" : "certain";
    this.#emit("message", entry ? { ...message, id: entry.id } : message);
  }

  /** From now on, all messages are live. */
  #endReplay() {
    this.#replayEnd = undefined;
    this.#hasCaughtUp = true;
  }

  /** @param {ServerMessage} ack */
  #onAck({ id, position, duplicate }) {
    const wasReplayed = this.#outbox.wasReplayed(position);
    const entry = this.#outbox.take(id);
    if (!entry) return;
    if (entry.delivery !== "certain" && !wasReplayed) {
      // It is not among the messages that came, as it is in a gap or before the replay.
      this.#ackedPositions.add(position);
      const { text, createdAt } = entry;
      const at = duplicate ? createdAt : new Date();
      const from = this.#you ?? null;
      const name = this.name ?? null;
      this.#emit("message", { position, from, name, text, at, isOwn: true, isReplay: false, id });
    }
    entry.resolve(position);
    this.#sendDue();
  }

  /** @param {ServerMessage} change */
  #onPresence({ type, members, memberCount }) {
    // These come only after the replay.
    this.#endReplay();
    const changed = memberList(members);
    for (const { id, name } of changed) {
      if (type === "left") this.#members.delete(id);
      else if (this.#members.size < MAX_MEMBERS || this.#members.has(id)) {
        this.#members.set(id, { id, name });
      }
    }
    this.#memberCount = memberCount;
    const [joined, left] = type === "joined" ? [changed, []] : [[], changed];
    this.#emit("presence", { members: this.members, memberCount, joined, left });
  }

  /** @param {ServerMessage} error */
  #onError({ code, message, id }) {
    const error = new ChorusError(String(code), String(message), { id });
    if (code === "bad_token") this.#renewal = undefined;
    if (code === "not_committed" && this.#outbox.hold(id)) {
      if (!this.#isStoring) this.#outbox.slowDown();
      return this.#resendLater();
    }
    const entry = this.#outbox.take(id);
    if (!entry) return this.#report(error);
    entry.reject(error);
    this.#sendDue();
  }

  /** @param {ServerMessage} status */
  #onStoring({ storing, message }) {
    this.#isStoring = storing === true;
    if (this.#isStoring) {
      this.#resendCount = 0;
      this.#resendLater();
    }
    this.#emit("storing", { storing: this.#isStoring, message: String(message) });
  }

  /**
   * Sends the messages again that were not committed. The pause is random, as the server refuses
   * the messages of many clients at once. It doubles while the server cannot store messages: then
   * nobody gets them earlier anyway.
   */
  #resendLater() {
    clearTimeout(this.#resendTimer);
    const maxMs = Math.min(MAX_RESEND_MS, FIRST_RESEND_MS * 2 ** this.#resendCount);
    this.#resendTimer = setTimeout(() => {
      if (!this.#isStoring) this.#resendCount++;
      this.#outbox.unhold();
      this.#sendDue();
    }, maxMs * (1 + Math.random()) / 2);
  }

  /**
   * Answers the notice that the token expires with a new one. The same message comes as the answer
   * to the new token.
   *
   * @param {number | null} expiresInSeconds
   */
  async #onTokenNotice(expiresInSeconds) {
    if (this.#renewal === "sent") {
      this.#renewal = undefined;
      this.#renewedAtMs = performance.now();
      return;
    }
    if (this.#renewal || typeof this.#options.token !== "function") return;
    if (typeof expiresInSeconds !== "number" || expiresInSeconds > LONGEST_NOTICE_SECONDS) return;
    this.#renewal = "asking";
    const turn = this.#turn;
    try {
      // A token that is valid for a few seconds must not be renewed all the time.
      const isShort = performance.now() - this.#renewedAtMs < 1000 * expiresInSeconds;
      if (isShort) await new Promise((resolve) => setTimeout(resolve, 500 * expiresInSeconds));
      if (this.#turn !== turn) return;
      const token = await this.#askToken("expiring");
      if (this.#turn !== turn) return;
      if (token === undefined) throw new TypeError("The function has returned none");
      this.#renewal = "sent";
      this.#token = token;
      this.#connection?.send({ type: "token", token });
    } catch (cause) {
      if (this.#turn !== turn) return;
      this.#renewal = undefined;
      this.#report(new ChorusError("token_failed", "There is no new token", { cause }));
    }
  }

  /** @param {string} id @param {string} text @returns {Promise<string>} */
  #send(id, text) {
    if (this.#closedMessage) {
      return Promise.reject(new ChorusError("closed", this.#closedMessage, { id }));
    }
    return new Promise((resolve, reject) => {
      const refusal = this.#outbox.add({ id, text, resolve, reject });
      if (refusal) reject(refusal);
      else this.#sendDue();
    });
  }

  /** Sends the messages that may be sent now. */
  #sendDue() {
    if (this.#state !== "open") return;
    for (const { id, text } of this.#outbox.takeDue()) {
      this.#connection?.send({ type: "say", id, text });
    }
  }

  /**
   * @param {string | undefined} before
   * @param {number} limit
   * @returns {Promise<{ messages: ChatMessage[], before: string, hasMore: boolean }>}
   */
  async #readHistory(before, limit) {
    await this.#entered;
    const from = before ?? this.#historyBefore ?? "";
    let response;
    try {
      response = await this.#fetch("messages", { before: from, limit: `${limit}` });
    } catch (cause) {
      throw new ChorusError("unavailable", "The server does not answer", { cause });
    }
    const { ok, status, headers } = response;
    if (!ok) throw new ChorusError("refused", await detailOf(response), { status });
    const page = await response.json();
    if (before === undefined) this.#historyBefore = page.before;
    return {
      messages: page.messages.map((/** @type {ServerMessage} */ said) =>
        this.#toMessage(said, true)
      ),
      before: page.before,
      hasMore: /\brel="?prev\b/.test(headers.get("link") ?? ""),
    };
  }

  /** @param {ServerMessage} said @param {boolean} isReplay @returns {ChatMessage} */
  #toMessage({ position, from, name, text, binary, at }, isReplay) {
    if (typeof position !== "string") throw new TypeError("A message without a position");
    const content = typeof binary === "string"
      ? { binary: Uint8Array.from(atob(binary), (each) => each.charCodeAt(0)) }
      : { text: String(text) };
    const isOwn = this.#ownIds.has(from);
    return { position, from, name, ...content, at: new Date(at), isOwn, isReplay };
  }

  /** Reacts to what happens to the page, or to the network. */
  #watchPage() {
    const { signal } = this.#pageEvents;
    /** @type {(target: any, type: string, listener: (event: any) => void) => void} */
    const on = (target, type, listener) => target?.addEventListener?.(type, listener, { signal });
    const check = () => {
      this.retryNow();
      this.#connection?.check();
    };
    on(env, "online", check);
    on(env, "offline", () => this.#connection?.check());
    on(env.document, "resume", check);
    on(env.document, "visibilitychange", () => {
      if (env.document.visibilityState === "visible") check();
    });
    on(env, "pagehide", ({ persisted }) => {
      // Another page may send the unsent messages, unless this one may come back to do so.
      if (!persisted || this.#outbox.isEmpty) this.#session?.leave();
      if (!persisted) return;
      // A page with a connection cannot be kept for the way back.
      this.#startTurn();
      this.#setState("waiting", { reason: "the page is hidden" });
    });
    on(env, "pageshow", async ({ persisted }) => {
      if (!persisted) return;
      await this.#session?.enter();
      this.retryNow();
    });
  }
}

/**
 * The length of a text as the limit of the server counts it: in UTF-8, with escapes as in JSON.
 * Compare it with {@linkcode Chorus.maxMessageBytes}.
 *
 * @param {string} text
 */
export function textBytes(text) {
  return byteLength(JSON.stringify(text)) - 2;
}

/**
 * A message of the server. Its fields are checked where they are used.
 *
 * @typedef {Record<string, any>} ServerMessage
 */

/**
 * @typedef {object} Ending
 * @property {number} code
 * @property {string} reason
 * @property {boolean} isSilent Whether the server did not answer in time.
 */

/**
 * @typedef {object} ConnectionOptions
 * @property {number} heartbeatMs
 * @property {(message: ServerMessage) => void} onMessage
 * @property {(cause: unknown) => void} onFault
 * @property {(ending: Ending) => void} onEnd Called at most once, and not after `abandon`.
 */

/** One WebSocket. It ends if the server is silent, as a page cannot see its pings. */
class Connection {
  /** @type {WebSocket} */
  #socket;
  /** @type {ConnectionOptions} */
  #options;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #heardAtMs = 0;
  #isWelcome = false;
  #isOver = false;

  /** @param {WebSocket} socket @param {ConnectionOptions} options */
  constructor(socket, options) {
    this.#socket = socket;
    this.#options = options;
  }

  /**
   * @param {string} url
   * @param {string[]} protocols
   * @param {ConnectionOptions} options
   * @throws {DOMException} If the URL or a protocol is not valid.
   */
  static open(url, protocols, options) {
    const socket = new WebSocket(url, protocols);
    const connection = new Connection(socket, options);
    socket.onmessage = ({ data }) => connection.#receive(data);
    // Deno has the code 0 for a connection that could not be opened.
    socket.onclose = ({ code, reason }) => connection.#end(code || 1006, reason);
    // Not every environment fires `close` for a socket that has never been open.
    socket.onerror = () => connection.#wait(ERROR_GRACE_MS, () => connection.#end(1006, ""));
    connection.#ask(CONNECT_TIMEOUT_MS);
    return connection;
  }

  /** @param {object} message */
  send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Checks at once whether the server is there, as there is a reason to doubt it. */
  check() {
    // Before the welcome, the attempt has a time limit of its own.
    if (this.#isWelcome) this.#ask(Math.min(QUICK_PONG_TIMEOUT_MS, this.#options.heartbeatMs));
  }

  /** Closes the socket. `onEnd` is not called. @param {number} [code] */
  abandon(code) {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.onmessage = socket.onclose = socket.onerror = null;
    socket.close(code);
  }

  /**
   * Asks for a sign of life. Without one, the connection ends.
   *
   * @param {number} timeoutMs
   * @param {boolean} [isRepeated] Whether this is the second time, as the page was frozen. There is
   * no third one: in a hidden page, all timers are late.
   */
  #ask(timeoutMs, isRepeated = false) {
    if (this.#isWelcome) this.send({ type: "ping" });
    const askedAtMs = performance.now();
    this.#wait(timeoutMs, (isFrozen) => {
      if (this.#isWelcome && this.#heardAtMs >= askedAtMs) this.#beat();
      // The answer may have come while the page was frozen, and be next in the queue.
      else if (isFrozen && !isRepeated) this.#ask(QUICK_PONG_TIMEOUT_MS, true);
      else this.#end(1006, "the server does not answer", true);
    });
  }

  /** Asks when the connection has been silent for long enough. */
  #beat() {
    const { heartbeatMs } = this.#options;
    const silentMs = performance.now() - this.#heardAtMs;
    if (silentMs >= heartbeatMs) this.#ask(Math.min(PONG_TIMEOUT_MS, heartbeatMs));
    else this.#wait(heartbeatMs - silentMs, () => this.#beat());
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heardAtMs = performance.now();
    try {
      const message = JSON.parse(String(data));
      if (typeof message !== "object" || message === null) {
        throw new TypeError(`Not a JSON object: ${data}`);
      }
      if (message.type === "welcome" && !this.#isWelcome) {
        this.#isWelcome = true;
        this.#beat();
      }
      this.#options.onMessage(message);
    } catch (cause) {
      this.#options.onFault(cause);
    }
  }

  /** @param {number} code @param {string} reason @param {boolean} [isSilent] */
  #end(code, reason, isSilent = false) {
    if (this.#isOver) return;
    this.abandon();
    this.#options.onEnd({ code, reason: reason || closeReason(code), isSilent });
  }

  /** Sets the timer. @param {number} ms @param {(isFrozen: boolean) => void} run */
  #wait(ms, run) {
    clearTimeout(this.#timer);
    const dueAtMs = Date.now() + ms;
    this.#timer = setTimeout(() => run(Date.now() - dueAtMs > FROZEN_MS), ms);
  }
}

/**
 * @typedef {object} OutboxEntry
 * @property {string} id
 * @property {string} text
 * @property {Date} createdAt
 * @property {number} order Ascending, in the order of sending.
 * @property {boolean} isRestored Whether an earlier client has left it: it has no promise.
 * @property {boolean} wasSent Whether it may have been published: it was sent before, over this
 * connection or an earlier one, and is to be sent again.
 * @property {"due" | "in flight" | "held"} state Whether it is to be sent over this connection, was
 * sent over it, or waits because the server could not commit it.
 * @property {"none" | "guessed" | "certain"} delivery Whether the client has got it as a message of
 * the room. It is a guess if an older message of the same member may have the same text.
 * @property {(position: string) => void} resolve
 * @property {(error: ChorusError) => void} reject
 */

/**
 * The messages that have no acknowledgement, in memory and in the storage of the session. Their
 * states, by method:
 *
 * ```text
 *            ┌──disconnected()──┬──────────────────┐
 *            ▼                  │                  │
 * add() ──▶ due ──takeDue()──▶ in flight ──hold()──▶ held
 *            ▲                                     │
 *            └───────────────unhold()──────────────┘
 * ```
 */
class Outbox {
  /** @type {Map<string, OutboxEntry>} */
  #entries = new Map();
  /** @type {SessionStore | undefined} */
  #session;
  /** @type {(error: ChorusError) => void} */
  #report = () => {};
  #isStored = true;
  /** The positions of old own messages with the text of an entry. @type {Set<string>} */
  #replayedPositions = new Set();
  #lastOrder = 0;
  #maxInFlight = MAX_IN_FLIGHT;
  #maxFrameBytes = Infinity;

  /** The messages that were not delivered. @returns {OutboxMessage[]} */
  get messages() {
    const waiting = [...this.#entries.values()].filter(({ delivery }) => delivery === "none");
    return waiting.map(({ id, text, createdAt }) => ({ id, text, createdAt }));
  }

  get isEmpty() {
    return this.#entries.size === 0;
  }

  get maxTextBytes() {
    const maxBytes = this.#maxFrameBytes - byteLength(encodeSay(newId(), ""));
    return maxBytes === Infinity ? undefined : Math.max(0, maxBytes);
  }

  /**
   * @param {Pick<OutboxEntry, "id" | "text" | "resolve" | "reject">} message
   * @returns {ChorusError | undefined} Why it is refused.
   */
  add(message) {
    const refusal = this.#refusal(message);
    if (refusal) return refusal;
    this.#lastOrder = Math.max(this.#lastOrder + 1, Date.now());
    const stored = { ...message, createdAt: new Date(), order: this.#lastOrder, wasSent: false };
    /** @type {OutboxEntry} */
    const entry = { ...stored, isRestored: false, state: "due", delivery: "none" };
    this.#entries.set(entry.id, entry);
    this.#store(entry);
    return undefined;
  }

  /**
   * Adds the messages that an earlier client has left, before those that were sent meanwhile.
   *
   * @param {SessionStore} session
   * @param {(error: ChorusError) => void} report Gets the errors that reject no promise.
   */
  restore(session, report) {
    this.#session = session;
    this.#report = report;
    const fresh = [...this.#entries.values()];
    const old = session.messages.map((stored) => {
      /** @type {OutboxEntry} */
      const entry = {
        ...stored,
        isRestored: true,
        state: "due",
        delivery: "none",
        resolve: () => {},
        reject: report,
      };
      return entry;
    });
    this.#entries = new Map([...old, ...fresh].map((entry) => [entry.id, entry]));
    this.#lastOrder = Math.max(this.#lastOrder, ...old.map(({ order }) => order));
    for (const entry of fresh) {
      entry.order = ++this.#lastOrder;
      this.#store(entry);
    }
  }

  /** Sets the limit of the server, and rejects longer messages. @param {number} maxFrameBytes */
  limit(maxFrameBytes) {
    this.#maxFrameBytes = maxFrameBytes;
    for (const { id, text } of this.#entries.values()) {
      const refusal = this.#tooBig({ id, text });
      if (refusal) this.take(id)?.reject(refusal);
    }
  }

  /**
   * The messages to send now. Few are in flight at a time, because a connection that is closed for
   * sending too much would lose all their acknowledgements, again and again.
   */
  takeDue() {
    const due = [];
    let inFlightCount = 0;
    for (const entry of this.#entries.values()) {
      // Later messages must not overtake this one.
      if (inFlightCount === this.#maxInFlight || entry.state === "held") break;
      inFlightCount++;
      if (entry.state === "in flight") continue;
      entry.state = "in flight";
      if (!entry.wasSent) this.#store(entry, true);
      due.push(entry);
    }
    return due;
  }

  /** Removes a message. @param {string} id @returns {OutboxEntry | undefined} */
  take(id) {
    const entry = this.#entries.get(id);
    if (!entry) return undefined;
    this.#entries.delete(id);
    this.#session?.remove(id);
    this.#maxInFlight = Math.min(MAX_IN_FLIGHT, this.#maxInFlight + 1);
    if (this.isEmpty) this.#replayedPositions.clear();
    return entry;
  }

  /**
   * Finds the entry that an own message of the room is: the oldest with this text that may have
   * been published. One that was certainly delivered before comes last.
   *
   * @param {string} text
   * @param {boolean} isReplay Whether the message was published before this connection opened.
   */
  match(text, isReplay) {
    let delivered;
    for (const entry of this.#entries.values()) {
      if (entry.text !== text || !entry.wasSent && (isReplay || entry.state === "due")) continue;
      if (entry.delivery !== "certain") return entry;
      if (entry.state === "in flight") delivered ??= entry;
    }
    return delivered;
  }

  /**
   * Finds the entry that an own message of the first replay may be. It may be older than all
   * entries, too: only the acknowledgement tells, by its position.
   *
   * @param {string} text
   * @param {string} position
   */
  guess(text, position) {
    const same = [...this.#entries.values()].filter((entry) => entry.text === text);
    if (same.length > 0) this.#replayedPositions.add(position);
    return same.find(({ wasSent, delivery }) => wasSent && delivery === "none");
  }

  /** Whether `guess` was asked about the message with this position. @param {string} position */
  wasReplayed(position) {
    return this.#replayedPositions.has(position);
  }

  /** Holds a message back until it is sent again. @param {string} id */
  hold(id) {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    entry.state = "held";
    entry.wasSent = true;
    return true;
  }

  /** Lets the held messages be sent again. */
  unhold() {
    for (const entry of this.#entries.values()) {
      if (entry.state === "held") entry.state = "due";
    }
  }

  /** Lets all messages be sent again, over the next connection. */
  disconnected() {
    for (const entry of this.#entries.values()) {
      entry.wasSent ||= entry.state !== "due";
      entry.state = "due";
    }
  }

  /** Has fewer messages in flight: they are too many for the server. */
  slowDown() {
    this.#maxInFlight = Math.max(1, this.#maxInFlight >> 2);
  }

  /** Rejects all messages, and leaves them in the storage. @param {string} message */
  close(message) {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    for (const { id, isRestored, reject } of entries) {
      if (!isRestored) reject(new ChorusError("closed", message, { id }));
    }
  }

  /** @param {{ id: string, text: string }} message */
  #refusal({ id, text }) {
    if (typeof text !== "string" || !text.isWellFormed()) {
      return new ChorusError("bad_text", "The text must be a string of valid Unicode", { id });
    }
    if (this.#entries.size >= MAX_OUTBOX) {
      const message = `There are already ${MAX_OUTBOX} unsent messages`;
      return new ChorusError("outbox_full", message, { id });
    }
    return this.#tooBig({ id, text });
  }

  /** @param {{ id: string, text: string }} message */
  #tooBig({ id, text }) {
    if (byteLength(encodeSay(id, text)) <= this.#maxFrameBytes) return undefined;
    const message = `The message is too long: the limit is ${this.maxTextBytes} bytes`;
    return new ChorusError("too_big", message, { id });
  }

  /** @param {OutboxEntry} entry @param {boolean} [wasSent] Whether the server may have it. */
  #store(entry, wasSent = false) {
    try {
      this.#session?.put({ ...entry, wasSent });
    } catch (cause) {
      if (this.#isStored) {
        const message = "Unsent messages are in memory only, as they cannot be stored";
        this.#report(new ChorusError("not_stored", message, { cause }));
      }
      this.#isStored = false;
    }
  }
}

/** @typedef {Pick<OutboxEntry, "id" | "text" | "createdAt" | "order" | "wasSent">} StoredMessage */

/**
 * @typedef {object} StoredSession
 * @property {string} key
 * @property {string} [session] The token of the session.
 * @property {string} [user]
 * @property {number} usedAtMs
 * @property {StoredMessage[]} messages In order.
 */

/**
 * A session and its unsent messages in a storage. Each message has an item of its own, so that
 * `send` writes only one message:
 *
 * ```text
 * chorus URL ROOM KEY        {"session":"…","user":"ann","usedAtMs":…}
 * chorus URL ROOM KEY ID     {"text":"Tea is ready","createdAtMs":…,"order":…,"wasSent":true}
 * ```
 *
 * At most one client uses a session. A page that is loaded again finds its session by the
 * `sessionStorage` of its tab. Another page takes over a session with unsent messages that no page
 * uses. A Web Lock tells whether one uses it, also to the copy of a tab, which has the same
 * `sessionStorage`. Without Web Locks, as in pages of insecure origins, a page that uses a session
 * removes it from `sessionStorage` meanwhile, and renews its `usedAtMs`. Outside of pages, one
 * process uses a storage.
 */
class SessionStore {
  /** @type {ChatStorage | null} */
  #storage;
  #scope;
  #user;
  #key = "";
  /** @type {((value?: unknown) => void) | undefined} */
  #unlock;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #lease;
  /** The token of the session, once the server has issued one. @type {string | undefined} */
  session;
  /** The messages that an earlier client has left, in order. @type {StoredMessage[]} */
  messages = [];

  /**
   * @param {ChatStorage | null} storage
   * @param {string} scope The URL and the room.
   * @param {string | undefined} user
   */
  constructor(storage, scope, user) {
    this.#storage = storage;
    this.#scope = `chorus ${scope}`;
    this.#user = user;
  }

  /**
   * Opens the session that this client continues, or a new one. Does without a storage that throws.
   *
   * @param {ChatStorage | null} storage
   * @param {string} scope
   * @param {string | undefined} user A session of another user is not continued.
   */
  static async open(storage, scope, user) {
    const store = new SessionStore(storage, scope, user);
    await store.#open().catch(() => store.#storage = null);
    return store;
  }

  /** Stores the token of the session. @param {string} session */
  save(session) {
    this.session = session;
    this.#touch();
  }

  /** Stores a message. @param {StoredMessage} message @throws If the storage is full. */
  put({ id, text, createdAt, order, wasSent }) {
    const item = { text, createdAtMs: createdAt.getTime(), order, wasSent };
    this.#storage?.setItem(`${this.#key} ${id}`, JSON.stringify(item));
  }

  /** Removes a message. @param {string} id */
  remove(id) {
    ignoreErrors(() => this.#storage?.removeItem(`${this.#key} ${id}`));
  }

  /** Lets another client use the session: the next page of the tab, or another one. */
  leave() {
    if (this.#key) ignoreErrors(() => tabStorage()?.setItem(this.#scope, this.#key));
    this.#unlock?.();
    clearInterval(this.#lease);
    usedKeys.delete(this.#key);
  }

  /** Uses the session again after `leave`, or a new one if another page uses it. */
  async enter() {
    if (!this.#storage || usedKeys.has(this.#key)) return;
    if (!await this.#claim(this.#key, true)) await this.#start();
  }

  async #open() {
    if (!this.#storage) return;
    const ownKey = tabStorage()?.getItem(this.#scope);
    const usable = this.#read().filter(({ key, user, messages }) =>
      user === this.#user && (key === ownKey || messages.length > 0)
    ).sort((a, b) => a.key === ownKey ? -1 : b.key === ownKey ? 1 : a.usedAtMs - b.usedAtMs);
    for (const { key, usedAtMs } of usable) {
      const isOwn = key === ownKey;
      const isLeased = !isOwn && needsLease() && Date.now() - usedAtMs < LEASE_MS;
      if (isLeased || !await this.#claim(key, isOwn)) continue;
      // Until now, another client may have changed it.
      const stored = this.#read().find((each) => each.key === key);
      this.session = stored?.session;
      this.messages = stored?.messages ?? [];
      return this.#touch();
    }
    await this.#start();
  }

  /** Starts a new session. */
  async #start() {
    this.session = undefined;
    await this.#claim(`${this.#scope} ${newId()}`, false);
    this.#touch();
  }

  /**
   * Claims a session for this client.
   *
   * @param {string} key
   * @param {boolean} waits Whether to wait a moment for the client that uses it.
   * @returns {Promise<boolean>} Whether it is free.
   */
  async #claim(key, waits) {
    if (usedKeys.has(key) || !await this.#lock(key, waits)) return false;
    usedKeys.add(key);
    this.#key = key;
    if (needsLease()) {
      tabStorage()?.removeItem(this.#scope);
      this.#lease = setInterval(() => this.#touch(), LEASE_RENEWAL_MS);
    } else tabStorage()?.setItem(this.#scope, key);
    return true;
  }

  /** @param {string} key @param {boolean} waits @returns {Promise<boolean>} */
  #lock(key, waits) {
    const { locks } = env.navigator ?? {};
    if (!env.document || !locks) return Promise.resolve(true);
    const options = waits
      ? { signal: AbortSignal.timeout(CLAIM_TIMEOUT_MS) }
      : { ifAvailable: true };
    return new Promise((resolve) => {
      const hold = (/** @type {unknown} */ lock) => {
        resolve(lock !== null);
        return lock && new Promise((unlock) => this.#unlock = unlock);
      };
      locks.request(key, options, hold).catch(() => resolve(false));
    });
  }

  /** Stores the session, and that it is in use. */
  #touch() {
    const item = { session: this.session, user: this.#user, usedAtMs: Date.now() };
    ignoreErrors(() => this.#storage?.setItem(this.#key, JSON.stringify(item)));
  }

  /** Reads the stored sessions for the URL and the room. Removes those that are too old. */
  #read() {
    const storage = /** @type {ChatStorage} */ (this.#storage);
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index) ?? "")
      .filter((key) => key.startsWith(`${this.#scope} `)).sort();
    /** @type {Map<string, StoredSession>} */
    const sessions = new Map();
    for (const storageKey of keys) {
      const item = parseObject(storage.getItem(storageKey));
      const [, , , name, id] = storageKey.split(" ");
      const key = `${this.#scope} ${name}`;
      if (id === undefined && Date.now() - item.usedAtMs < MAX_SESSION_AGE_MS) {
        const { session, user, usedAtMs } = item;
        sessions.set(key, { key, session, user, usedAtMs, messages: [] });
      } else if (id !== undefined && sessions.has(key) && typeof item.text === "string") {
        const { text, createdAtMs, order, wasSent } = item;
        const createdAt = new Date(createdAtMs);
        const message = { id, text, createdAt, order, wasSent: wasSent === true };
        sessions.get(key)?.messages.push(message);
      } else storage.removeItem(storageKey);
    }
    for (const { messages } of sessions.values()) messages.sort((a, b) => a.order - b.order);
    return [...sessions.values()];
  }
}

/** The sessions that clients of this page or process use. @type {Set<string>} */
const usedKeys = new Set();

/** Whether pages cannot tell by a lock which of them uses a session. */
function needsLease() {
  return env.document !== undefined && env.navigator?.locks === undefined;
}

/** The storage of the tab; undefined outside of pages. @returns {ChatStorage | undefined} */
function tabStorage() {
  return env.document && env.sessionStorage;
}

/** @returns {ChatStorage | null} */
function defaultStorage() {
  try {
    return env.document ? env.localStorage : null;
  } catch {
    return null; // The user has forbidden it.
  }
}

/** The URLs of a room. */
class ServerUrls {
  #base;

  /** @param {string | URL} url @param {string} room */
  constructor(url, room) {
    const base = URL.canParse(url) ? new URL(url) : new URL(url, env.location?.href);
    const isSecure = /^(https|wss):$/.test(base.protocol);
    if (!isSecure && !/^(http|ws):$/.test(base.protocol)) {
      throw new TypeError(`The URL of a server begins with http or ws: it was ${url}`);
    }
    const path = base.pathname.replace(/\/ws$/, "/");
    this.#base = new URL(path.endsWith("/") ? path : `${path}/`, base);
    this.#base.protocol = isSecure ? "https" : "http";
    this.room = room;
  }

  /** The URL of the WebSocket. @param {Record<string, string>} [query] */
  webSocket(query) {
    const url = this.#with("ws", query);
    url.protocol = url.protocol === "https:" ? "wss" : "ws";
    return url.href;
  }

  /**
   * The URL of a resource of the room.
   *
   * @param {string} resource
   * @param {Record<string, string>} query
   */
  api(resource, query) {
    return this.#with(`rooms/${encodeURIComponent(this.room)}/${resource}`, query).href;
  }

  /** @param {string} path @param {Record<string, string>} [query] */
  #with(path, query) {
    const url = new URL(path, this.#base);
    url.search = new URLSearchParams(query).toString();
    return url;
  }
}

/**
 * Whether a client must not reconnect after this close code. PROTOCOL.md lists them.
 *
 * @param {number} code
 */
function isFinalCode(code) {
  return [1000, 1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4500 && code <= 4999);
}

/** Says why a connection has ended, if the server does not. @param {number} code */
function closeReason(code) {
  return code === 1006 ? "the connection was lost" : `the connection was closed (${code})`;
}

/** Says why the server refused a request. @param {Response} response */
async function detailOf(response) {
  const { detail } = parseObject(await response.text());
  return typeof detail === "string" ? detail : `the server answered with ${response.status}`;
}

/** The user that a token says it is for. It is not verified. @param {string | undefined} token */
function userOf(token) {
  try {
    const payload = (token ?? "").split(".")[1] ?? "";
    const { sub } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}

/** The members in a message that have an id. @param {unknown} members @returns {ChatMember[]} */
function memberList(members) {
  return Array.isArray(members) ? members.filter((each) => typeof each?.id === "string") : [];
}

/**
 * Parses a JSON object. Anything else is an empty one.
 *
 * @param {string | null} json
 * @returns {ServerMessage}
 */
function parseObject(json) {
  try {
    const value = JSON.parse(json ?? "");
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** Pages of insecure origins have no `randomUUID`. */
function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(
    crypto.getRandomValues(new Uint8Array(16)),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** @param {string} id @param {string} text */
function encodeSay(id, text) {
  return JSON.stringify({ type: "say", id, text });
}

/** @param {string} text */
function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

/** @param {() => void} run */
function ignoreErrors(run) {
  try {
    run();
  } catch {
    // The storage is full, or the user has forbidden it: sessions are not stored then.
  }
}
