import type { SayMessage, ServerMessage, WelcomeMessage } from "../../lib/chat/chorus_v1.ts";
import { Peer } from "./peer.ts";

/** The messages of the server that have one of these types. */
export type MessageOf<Type extends ServerMessage["type"]> = Extract<
  ServerMessage,
  { readonly type: Type }
>;

/** A `chorus.v1` client for tests that check the messages it receives. */
export class ChorusPeer implements AsyncDisposable {
  readonly welcome: WelcomeMessage;
  readonly #peer: Peer;

  private constructor(peer: Peer, welcome: WelcomeMessage) {
    this.#peer = peer;
    this.welcome = welcome;
  }

  /** Connects, and waits for the welcome. */
  static async open(
    url: string,
    token?: string,
    client?: Deno.HttpClient,
  ): Promise<ChorusPeer> {
    const offered = token === undefined ? [] : [`chorus.token.${token}`];
    const peer = await Peer.open(url, {}, ["chorus.v1", ...offered], client);
    return new ChorusPeer(peer, JSON.parse(await peer.next() as string));
  }

  /** How the connection ended. */
  get closed(): Promise<{ code: number; reason: string }> {
    return this.#peer.closed;
  }

  /** Sends data as it is. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#peer.send(data);
  }

  /** Publishes a text. */
  say(text: string, id?: string): void {
    const message: SayMessage = { type: "say", text, ...(id === undefined ? {} : { id }) };
    this.send(JSON.stringify(message));
  }

  /** The next message that has one of these types. Others are skipped. */
  async next<Type extends ServerMessage["type"]>(...types: Type[]): Promise<MessageOf<Type>> {
    for (;;) {
      const message: ServerMessage = JSON.parse(await this.#peer.next() as string);
      if (types.some((type) => type === message.type)) return message as MessageOf<Type>;
    }
  }

  /** The texts of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) texts.push(textOf(await this.next("said")));
    return texts;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#peer[Symbol.asyncDispose]();
  }
}

/** The text of a message that is not binary. */
export function textOf(said: MessageOf<"said">): string {
  if ("text" in said) return said.text;
  throw new TypeError("The message is binary");
}
