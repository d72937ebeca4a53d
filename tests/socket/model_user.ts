import { assert, assertEquals } from "@std/assert";
import type { WireFormat } from "../../lib/chat/room.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { RawPeer } from "./raw_peer.ts";
import type { Hearing } from "./room_model.ts";

/** A connection of a user, and what it has heard. */
interface Connection extends Hearing {
  readonly peer: RawPeer;
  readonly own: Set<string>;
  readonly repeated: Set<string>;
  readonly missed: Set<number>;
  /** How far its user had heard when it ended. */
  position?: string | undefined;
  isDropped: boolean;
  ended: Promise<void>;
}

/** A user of the model test: says, listens, stalls, drops its connection and resumes as a good client does. */
export class ModelUser {
  readonly name: string;
  readonly format: WireFormat;
  /** What it has said. */
  readonly said: string[] = [];
  /** The positions that its messages were acked with. */
  readonly acks = new Map<string, string>();
  /** What it has said, and has no ack for. */
  readonly pending = new Set<string>();
  /** How far it has heard: what it resumes from. */
  position: string | undefined;
  /** Up to which message the server may have dropped some that it has not heard: it reads nothing, or is away for long. */
  mayMissUpTo = 0;
  connection: Connection | undefined;
  /** Those that have ended, and of which what they heard is not checked yet. */
  ended: Connection[] = [];
  readonly #onSaid: (text: string, position: string | undefined) => void;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #heard = new Set<string>();
  #session: string | undefined;
  #stall: PromiseWithResolvers<void> | undefined;

  /** @param onSaid Told of each message that it hears. */
  constructor(
    name: string,
    format: WireFormat,
    onSaid: (text: string, position: string | undefined) => void = () => {},
  ) {
    this.name = name;
    this.format = format;
    this.#onSaid = onSaid;
  }

  /** Connects, and resumes where it was; says again what may not have come through. */
  async connect(port: number): Promise<void> {
    const query = new URLSearchParams({ name: this.name });
    const since = this.position;
    if (since !== undefined) query.set("since", since);
    if (this.#session !== undefined) query.set("session", this.#session);
    const peer = await RawPeer.upgrade(
      port,
      `/ws?${query}`,
      this.format === "chorus" ? "chorus.v1" : undefined,
    );
    const welcomed = Promise.withResolvers<void>();
    // Who is spoken to in chorus.v1 is told of what it misses; the others are not.
    const mayMissUpTo = () => this.format === "plain" ? this.mayMissUpTo : 0;
    const connection: Connection = {
      user: this.name,
      peer,
      after: since === undefined ? 0 : numberOf(since),
      heard: [],
      own: new Set(),
      repeated: new Set(),
      missed: new Set(),
      get mayMissUpTo() {
        return mayMissUpTo();
      },
      isDropped: false,
      ended: Promise.resolve(),
    };
    this.connection = connection;
    connection.ended = this.#listen(connection, since, welcomed.resolve);
    if (this.format === "plain") return;
    await welcomed.promise;
    for (const text of this.pending) {
      connection.repeated.add(text);
      await this.#send(text);
    }
  }

  async say(text: string): Promise<void> {
    this.said.push(text);
    this.connection!.own.add(text);
    if (this.format === "chorus") this.pending.add(text);
    await this.#send(text);
  }

  /** Says a message once more of which it has got the ack; it is not to be said, but to be acked with the same position. */
  async sayAgain(): Promise<void> {
    const text = this.acks.keys().next().value;
    if (text === undefined) return;
    this.pending.add(text);
    this.#heard.delete(`ack ${text}`);
    await this.#send(text);
  }

  /** Resolves when it has heard this; what it was told that it missed counts. */
  async hears(text: string): Promise<void> {
    if (this.#heard.has(text)) return;
    const waiting = this.#waiting.get(text) ?? Promise.withResolvers<void>();
    this.#waiting.set(text, waiting);
    await waiting.promise;
  }

  /** Resolves when all that it has said is acked. */
  async acked(): Promise<void> {
    for (const text of this.pending) await this.hears(`ack ${text}`);
  }

  /** Reads nothing from now on. */
  stall(): void {
    this.#stall = Promise.withResolvers();
  }

  goOn(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  /** Ends the connection without a word. */
  async drop(): Promise<void> {
    const { connection } = this;
    if (!connection) return;
    connection.isDropped = true;
    connection.peer[Symbol.dispose]();
    this.goOn();
    await this.gone();
  }

  /** Resolves when the server has ended the connection. */
  async gone(): Promise<void> {
    const { connection } = this;
    if (!connection) return;
    await connection.ended;
    connection.position = this.position;
    this.connection = undefined;
    this.ended.push(connection);
    if (!connection.isDropped) connection.peer[Symbol.dispose]();
  }

  async #send(text: string): Promise<void> {
    const data = this.format === "plain" ? text : JSON.stringify({ type: "say", id: text, text });
    await this.connection!.peer.send(encodeWireFrame(frame(1, data), "client"));
  }

  async #listen(
    connection: Connection,
    since: string | undefined,
    onWelcome: () => void,
  ): Promise<void> {
    try {
      for await (const { opcode, payload } of connection.peer.frames()) {
        await this.#stall?.promise;
        if (connection.isDropped) return;
        if (opcode !== 1) continue;
        const text = decoder.decode(payload);
        if (this.format === "plain") this.#hear(connection, text, undefined);
        else this.#handle(connection, text, since, onWelcome);
      }
    } catch (error) {
      if (!connection.isDropped) throw error;
    }
  }

  #handle(
    connection: Connection,
    json: string,
    since: string | undefined,
    onWelcome: () => void,
  ): void {
    const told = JSON.parse(json);
    switch (told.type) {
      case "welcome":
        this.#session = told.session;
        this.position = told.position;
        connection.after = numberOf(told.position);
        // Without a gap notice it has missed nothing.
        if (told.recovered) assertEquals(told.position, since);
        return onWelcome();
      case "said":
        this.position = told.position;
        return this.#hear(connection, told.text, told.position);
      case "ack":
        assertEquals(told.position, this.acks.get(told.id) ?? told.position);
        this.acks.set(told.id, told.position);
        this.pending.delete(told.id);
        this.position = later(this.position!, told.position);
        this.#settle(`ack ${told.id}`);
        return;
      case "gap": {
        const to = numberOf(told.before);
        const from = to - told.missedCount;
        if (epochOf(told.after) === epochOf(told.before)) {
          assertEquals(from, numberOf(told.after) + 1);
          assert(to - 1 <= this.mayMissUpTo, `${this.name} was told ${json}`);
        }
        for (let number = from; number < to; number++) connection.missed.add(number);
        return;
      }
      case "error":
        throw new Error(`${this.name} was told ${json}`);
    }
  }

  #hear(connection: Connection, text: string, position: string | undefined): void {
    connection.heard.push(text);
    this.#onSaid(text, position);
    this.#settle(text);
  }

  #settle(text: string): void {
    this.#heard.add(text);
    this.#waiting.get(text)?.resolve();
    this.#waiting.delete(text);
  }
}

/** How many messages stand before a position. Clients are not to look into positions; the model test does. */
export function numberOf(position: string): number {
  return Number(position.split("-")[1]);
}

function epochOf(position: string): string {
  return position.split("-")[0]!;
}

function later(one: string, other: string): string {
  return numberOf(one) > numberOf(other) ? one : other;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
