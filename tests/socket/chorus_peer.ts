import { Peer } from "./peer.ts";

/** What a `chorus.v1` server sends. */
// deno-lint-ignore no-explicit-any -- tests look at what is there
export type Told = Record<string, any>;

/** A `chorus.v1` client for tests that look at what arrives. */
export class ChorusPeer implements AsyncDisposable {
  readonly #peer: Peer;
  readonly welcome: Told;

  private constructor(peer: Peer, welcome: Told) {
    this.#peer = peer;
    this.welcome = welcome;
  }

  /** Connects, and waits for the welcome. */
  static async open(url: string): Promise<ChorusPeer> {
    const peer = await Peer.open(url, {}, ["chorus.v1"]);
    return new ChorusPeer(peer, JSON.parse(await peer.next() as string));
  }

  get closed(): Promise<{ code: number; reason: string }> {
    return this.#peer.closed;
  }

  /** Sends as it is. */
  send(data: string | Uint8Array<ArrayBuffer>): void {
    this.#peer.send(data);
  }

  say(text: string, id?: string): void {
    this.send(JSON.stringify({ type: "say", text, id }));
  }

  /** The next that is one of these types. */
  async next(...types: string[]): Promise<Told> {
    for (;;) {
      const told = JSON.parse(await this.#peer.next() as string);
      if (types.includes(told.type)) return told;
    }
  }

  /** The texts of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts = [];
    while (texts.length < count) texts.push((await this.next("said")).text);
    return texts;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#peer[Symbol.asyncDispose]();
  }
}
