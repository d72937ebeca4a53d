import { ChorusPeer, type MessageOf, textOf } from "./chorus_peer.ts";

/** What a user received, in order. */
export interface Transcript {
  /** The texts of other users. */
  readonly texts: readonly string[];
  /** The position of each acked message, by its id. */
  readonly acked: ReadonlyMap<string, string>;
  readonly gapCount: number;
  /** How many connections could not serve everything after `since`. */
  readonly unrecoveredCount: number;
  /** How many connections the proxy or a server has refused. */
  readonly refusedCount: number;
  /** How many connections were accepted. */
  readonly connectCount: number;
}

/**
 * A `chorus.v1` user that reconnects as PROTOCOL.md says: after the time in the `reconnect` message
 * if there was one, with `since` and `session`. It publishes again what was not acked.
 */
export class RollingUser {
  readonly name: string;
  readonly #url: string;
  readonly #client: Deno.HttpClient | undefined;
  readonly #texts: string[] = [];
  readonly #acked = new Map<string, string>();
  /** The ids of messages that are not acked. Each is also the text. */
  readonly #outbox = new Set<string>();
  readonly #textWaits = new Map<string, PromiseWithResolvers<void>>();
  #flushed: PromiseWithResolvers<void> | undefined;
  #welcomed = Promise.withResolvers<void>();
  #peer: ChorusPeer | undefined;
  #isStopped = false;
  #publishedCount = 0;
  #counts = { gapCount: 0, unrecoveredCount: 0, refusedCount: 0, connectCount: 0 };
  #since: string | undefined;
  #session: string | undefined;

  /** @param url The WebSocket address with the room. */
  constructor(url: string, name: string, client?: Deno.HttpClient) {
    this.#url = url;
    this.#client = client;
    this.name = name;
  }

  get transcript(): Transcript {
    return { texts: this.#texts, acked: this.#acked, ...this.#counts };
  }

  /** Resolves with the next welcome after the last call. */
  async welcomed(): Promise<void> {
    await this.#welcomed.promise;
    this.#welcomed = Promise.withResolvers();
  }

  /** Connects again and again until {@linkcode stop} is called. */
  async run(): Promise<void> {
    while (!this.#isStopped) {
      const reconnectInMs = await this.#connect();
      if (this.#isStopped) return;
      const delayMs = reconnectInMs ?? 500 + 1000 * Math.random();
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  }

  /** Publishes the next message, now or when it is connected. */
  publish(): void {
    const id = `${this.name}-${this.#publishedCount++}`;
    this.#outbox.add(id);
    this.#peer?.say(id, id);
  }

  /** Resolves when every message is acked. */
  async flushed(): Promise<void> {
    if (this.#outbox.size > 0) await (this.#flushed ??= Promise.withResolvers()).promise;
  }

  /** Resolves when this text has arrived. */
  async received(text: string): Promise<void> {
    if (this.#texts.includes(text)) return;
    const wait = Promise.withResolvers<void>();
    this.#textWaits.set(text, wait);
    await wait.promise;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#peer?.[Symbol.asyncDispose]();
  }

  /** Is connected once. Returns the time in the `reconnect` message. */
  async #connect(): Promise<number | undefined> {
    let peer: ChorusPeer;
    try {
      peer = await ChorusPeer.open(this.#address(), undefined, this.#client);
    } catch {
      this.#counts.refusedCount++;
      return undefined;
    }
    this.#peer = peer;
    this.#counts.connectCount++;
    const { session, position, recovered } = peer.welcome;
    if (this.#since !== undefined && !recovered) this.#counts.unrecoveredCount++;
    this.#session = session;
    this.#since = position;
    this.#welcomed.resolve();
    for (const id of this.#outbox) peer.say(id, id);
    let reconnectInMs: number | undefined;
    for (;;) {
      const message = await nextOf(peer);
      if (!message) break;
      if (message.type === "reconnect") reconnectInMs = message.inMs;
      else this.#handle(message, peer);
    }
    this.#peer = undefined;
    return reconnectInMs;
  }

  #address(): string {
    const url = new URL(this.#url);
    url.searchParams.set("name", this.name);
    if (this.#since !== undefined) url.searchParams.set("since", this.#since);
    if (this.#session !== undefined) url.searchParams.set("session", this.#session);
    return url.href;
  }

  #handle(message: MessageOf<"said" | "ack" | "gap" | "error">, { welcome }: ChorusPeer): void {
    switch (message.type) {
      case "said": {
        this.#since = message.position;
        const text = textOf(message);
        if (message.from === welcome.you) return;
        this.#texts.push(text);
        this.#textWaits.get(text)?.resolve();
        return;
      }
      case "ack":
        this.#acked.set(message.id, message.position);
        this.#outbox.delete(message.id);
        if (this.#outbox.size === 0) this.#flushed?.resolve();
        return;
      case "gap":
        this.#counts.gapCount++;
        return;
      case "error":
        throw new Error(`${this.name} got an error: ${message.message}`);
    }
  }
}

/** The next message that matters; undefined if the connection has ended. */
async function nextOf(
  peer: ChorusPeer,
): Promise<MessageOf<"said" | "ack" | "gap" | "error" | "reconnect"> | undefined> {
  try {
    return await peer.next("said", "ack", "gap", "error", "reconnect");
  } catch {
    return undefined;
  }
}
