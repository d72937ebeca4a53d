import type {
  ChatGap,
  ChatMessage,
  ChatPresence,
  ChatStatus,
  ChatStoring,
  Chorus,
  ChorusError,
} from "../../../lib/server/page/chorus.js";

/** Records the events of a client, and closes it in the end. */
export class Observer implements Disposable {
  readonly chat: Chorus;
  readonly messages: ChatMessage[] = [];
  readonly statuses: ChatStatus[] = [];
  readonly presences: ChatPresence[] = [];
  readonly gaps: ChatGap[] = [];
  readonly storings: ChatStoring[] = [];
  readonly errors: ChorusError[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(chat: Chorus) {
    this.chat = chat;
    chat.addEventListener("message", ({ detail }) => this.#add(this.messages, detail));
    chat.addEventListener("status", ({ detail }) => this.#add(this.statuses, detail));
    chat.addEventListener("presence", ({ detail }) => this.#add(this.presences, detail));
    chat.addEventListener("gap", ({ detail }) => this.#add(this.gaps, detail));
    chat.addEventListener("storing", ({ detail }) => this.#add(this.storings, detail));
    chat.addEventListener("error", ({ detail }) => this.#add(this.errors, detail.error));
  }

  /** The texts of the messages. */
  get texts(): (string | undefined)[] {
    return this.messages.map(({ text }) => text);
  }

  /** Waits until a condition holds. Events change what it depends on. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }

  /** Waits until the client has a state. Returns the last status. */
  async in(state: ChatStatus["state"]): Promise<ChatStatus> {
    await this.until(() => this.statuses.at(-1)?.state === state);
    return this.statuses.at(-1)!;
  }

  /** Lets the client connect at once whenever it waits. */
  neverWait(): this {
    this.chat.addEventListener("status", ({ detail }) => {
      if (detail.state === "waiting") setTimeout(() => this.chat.retryNow(), 5);
    });
    return this;
  }

  [Symbol.dispose](): void {
    this.chat.close();
  }

  #add<T>(items: T[], item: T): void {
    items.push(item);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
