import type { ServerMessage, WelcomeMessage } from "../../lib/chat/chorus_v1.ts";

/** The longest pause before a user connects again, unless the server tells it when. */
const RECONNECT_PAUSE_MS = 400;

/** The pause before a refused message is published again. */
const REFUSED_PAUSE_MS = 200;

export interface ClusterUserOptions {
  /** The servers, `HOST:PORT`. It begins with the first, and goes to another after a close. */
  readonly hosts: readonly string[];
  readonly room: string;
  /** Whether it gets its own messages, too. */
  readonly echo?: boolean;
  /** Whether it does not connect again. */
  readonly leavesForGood?: boolean;
}

/** A message that a user received. */
export interface Delivery {
  readonly position: string;
  readonly text: string;
  readonly atMs: number;
}

/** The ack of a message. */
export interface Ack {
  readonly position: string;
  readonly atMs: number;
}

/**
 * A `chorus.v1` user of several servers. It connects again to another server, with `since` and
 * `session`, and publishes again what is not acked.
 */
export class ClusterUser implements AsyncDisposable {
  readonly name: string;
  readonly room: string;
  readonly echo: boolean;
  /** What others published, in the order in which it came; with `echo`, also its own messages. */
  readonly deliveries: Delivery[] = [];
  /** The acks by the ids of the messages. */
  readonly acks = new Map<string, Ack>();
  /** When each message was published first, by its id. */
  readonly publishedMs = new Map<string, number>();
  /** The members of which it was told that they left. */
  readonly leftIds = new Set<string>();
  /** When the newest of the acked messages was published. */
  newestAckedMs = 0;
  /** The UUID as a member; undefined until it is connected. */
  id: string | undefined;
  connectCount = 0;
  gapCount = 0;
  /** How many times a message was refused with `not_committed`. */
  refusedCount = 0;
  /** Acks of messages that the server held, before it told that messages are stored again. */
  earlyAckCount = 0;
  readonly #options: ClusterUserOptions;
  /** The texts of the messages that are not acked, by their ids. */
  readonly #outbox = new Map<string, string>();
  /** The messages that were published while the server did not store any. */
  readonly #heldIds = new Set<string>();
  /** The refused messages that it will publish again. */
  readonly #refusedIds = new Set<string>();
  readonly #ended = Promise.withResolvers<void>();
  #hostIndex = 0;
  #socket: WebSocket | undefined;
  #isConnected = false;
  #session: string | undefined;
  #since: string | undefined;
  #isStoring = true;
  #reconnectInMs: number | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #change: PromiseWithResolvers<void> | undefined;

  /** Connects. */
  constructor(name: string, options: ClusterUserOptions) {
    this.name = name;
    this.room = options.room;
    this.echo = options.echo === true;
    this.#options = options;
    this.#connect();
  }

  /** The server to which it is connected, or is connecting. */
  get host(): string {
    const { hosts } = this.#options;
    return hosts[this.#hostIndex % hosts.length]!;
  }

  /** Whether it is in the room. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Whether the server stores messages, as far as the user was told. */
  get isStoring(): boolean {
    return this.#isStoring;
  }

  get hasPending(): boolean {
    return this.#outbox.size > 0;
  }

  /** Publishes a message, now or when it is connected. The id is its first word. */
  publish(padding: string): void {
    const id = `${this.name}-${this.publishedMs.size}`;
    this.publishedMs.set(id, performance.now());
    this.#outbox.set(id, `${id} ${padding}`);
    this.#send(id);
  }

  /** Closes the connection, and connects to another server. */
  move(): void {
    this.#socket?.close();
  }

  /** Waits until something is true of this user. */
  async until(isTrue: (user: ClusterUser) => boolean): Promise<void> {
    while (!isTrue(this)) await (this.#change ??= Promise.withResolvers()).promise;
  }

  /** What it waits for, for people. */
  toString(): string {
    const { name, host, isConnected, isStoring } = this;
    const outbox = [...this.#outbox.keys()].slice(0, 5);
    const newest = this.deliveries.at(-1)?.text.slice(0, 30);
    return JSON.stringify({ name, host, isConnected, isStoring, outbox, newest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    clearTimeout(this.#retryTimer);
    if (!this.#socket) return;
    this.#socket.close();
    await this.#ended.promise;
  }

  #connect(): void {
    const { room, echo } = this.#options;
    const query = new URLSearchParams({ room, name: this.name, echo: String(echo === true) });
    if (this.#since !== undefined) query.set("since", this.#since);
    if (this.#session !== undefined) query.set("session", this.#session);
    const socket = new WebSocket(`ws://${this.host}/ws?${query}`, "chorus.v1");
    socket.onmessage = ({ data }) => this.#handle(JSON.parse(data));
    socket.onclose = () => this.#onClosed();
    this.#socket = socket;
  }

  #onClosed(): void {
    const { hosts, leavesForGood } = this.#options;
    this.#socket = undefined;
    this.#isConnected = false;
    this.#isStoring = true;
    this.#heldIds.clear();
    this.#refusedIds.clear();
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    if (this.#isStopped || leavesForGood) {
      this.#isStopped = true;
      return this.#ended.resolve();
    }
    // Any of the others.
    this.#hostIndex += 1 + Math.floor((hosts.length - 1) * Math.random());
    const pauseMs = this.#reconnectInMs ?? RECONNECT_PAUSE_MS * (0.25 + 0.75 * Math.random());
    this.#reconnectInMs = undefined;
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined;
      this.#connect();
    }, pauseMs);
    this.#notify();
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        this.#onWelcome(message);
        break;
      case "said":
        this.#since = message.position;
        this.#onText(message.position, "text" in message ? message.text : "");
        break;
      case "ack":
        this.#onAck(message.id, message.position, message.duplicate === true);
        break;
      case "gap":
        this.gapCount++;
        break;
      case "left":
        for (const { id } of message.members) if (id !== null) this.leftIds.add(id);
        break;
      case "status":
        this.#isStoring = message.storing;
        this.#heldIds.clear();
        break;
      case "reconnect":
        this.#reconnectInMs = message.inMs;
        break;
      case "error":
        if (message.code !== "not_committed") throw new Error(`${this.name}: ${message.message}`);
        this.refusedCount++;
        this.#retryLater(message.id!);
    }
    this.#notify();
  }

  #onWelcome(welcome: WelcomeMessage): void {
    this.#isConnected = true;
    this.id = welcome.you;
    this.connectCount++;
    this.#session = welcome.session;
    this.#since = welcome.position;
    for (const id of this.#outbox.keys()) this.#send(id);
  }

  #onText(position: string, text: string): void {
    // Only a replay has them otherwise.
    if (!this.echo && text.startsWith(`${this.name}-`)) return;
    this.deliveries.push({ position, text, atMs: performance.now() });
  }

  #onAck(id: string, position: string, isDuplicate: boolean): void {
    if (this.#heldIds.has(id) && !isDuplicate) this.earlyAckCount++;
    if (!this.acks.has(id)) this.acks.set(id, { position, atMs: performance.now() });
    this.#outbox.delete(id);
    this.newestAckedMs = Math.max(this.newestAckedMs, this.publishedMs.get(id) ?? 0);
  }

  #retryLater(id: string): void {
    this.#refusedIds.add(id);
    this.#retryTimer ??= setTimeout(() => {
      this.#retryTimer = undefined;
      for (const id of this.#refusedIds) this.#send(id);
      this.#refusedIds.clear();
    }, REFUSED_PAUSE_MS);
  }

  #send(id: string): void {
    if (!this.#isConnected) return;
    if (!this.#isStoring) this.#heldIds.add(id);
    this.#socket!.send(JSON.stringify({ type: "say", id, text: this.#outbox.get(id) }));
  }

  #notify(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}
