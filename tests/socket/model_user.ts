import { assert, assertEquals } from "@std/assert";
import type { WireFormat } from "../../lib/chat/room_member.ts";
import { encodeWireFrame, frame } from "../websocket/conformance_cases.ts";
import { RawPeer } from "./raw_peer.ts";
import type { Reception } from "./room_model.ts";

/** A connection of a user, and what it received. */
interface Connection extends Reception {
  readonly peer: RawPeer;
  readonly own: Set<string>;
  readonly repeated: Set<string>;
  readonly missed: Set<number>;
  /** The position of its user when it ended. */
  position?: string | undefined;
  isDropped: boolean;
  ended: Promise<void>;
}

/** A user of the model test: publishes, reads, stalls, drops its connection, and resumes. */
export class ModelUser {
  readonly name: string;
  readonly format: WireFormat;
  /** The messages that it sent. */
  readonly sent: string[] = [];
  /** The position in the ack of each message. */
  readonly acks = new Map<string, string>();
  /** The messages without an ack so far. */
  readonly pending = new Set<string>();
  /** The position that it resumes from. */
  position: string | undefined;
  /** Up to this sequence number, the server may have dropped messages that it did not read. */
  mayMissUpTo = 0;
  connection: Connection | undefined;
  /** The connections that have ended and are not checked yet. */
  ended: Connection[] = [];
  readonly #onMessage: (text: string, position: string | undefined) => void;
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  readonly #received = new Set<string>();
  #session: string | undefined;
  #stall: PromiseWithResolvers<void> | undefined;

  /** @param onMessage Called with each message that it receives. */
  constructor(
    name: string,
    format: WireFormat,
    onMessage: (text: string, position: string | undefined) => void = () => {},
  ) {
    this.name = name;
    this.format = format;
    this.#onMessage = onMessage;
  }

  /** Connects, resumes from its position, and sends its pending messages again. */
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
    // Gap notices exist in chorus.v1 only.
    const mayMissUpTo = () => this.format === "plain" ? this.mayMissUpTo : 0;
    const connection: Connection = {
      user: this.name,
      peer,
      after: since === undefined ? 0 : seqOf(since),
      received: [],
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
    connection.ended = this.#read(connection, since, welcomed.resolve);
    if (this.format === "plain") return;
    await welcomed.promise;
    for (const text of this.pending) {
      connection.repeated.add(text);
      await this.#send(text);
    }
  }

  async publish(text: string): Promise<void> {
    this.sent.push(text);
    this.connection!.own.add(text);
    if (this.format === "chorus") this.pending.add(text);
    await this.#send(text);
  }

  /** Sends an acked message again. The server must send the same ack, and not publish it. */
  async publishAgain(): Promise<void> {
    const text = this.acks.keys().next().value;
    if (text === undefined) return;
    this.pending.add(text);
    this.#received.delete(`ack ${text}`);
    await this.#send(text);
  }

  /** Resolves when it has received this message. */
  async receives(text: string): Promise<void> {
    if (this.#received.has(text)) return;
    const waiting = this.#waiting.get(text) ?? Promise.withResolvers<void>();
    this.#waiting.set(text, waiting);
    await waiting.promise;
  }

  /** Resolves when all its messages are acked. */
  async acked(): Promise<void> {
    for (const text of this.pending) await this.receives(`ack ${text}`);
  }

  /** Stops reading. */
  stall(): void {
    this.#stall = Promise.withResolvers();
  }

  /** Continues to read. */
  resumeReading(): void {
    this.#stall?.resolve();
    this.#stall = undefined;
  }

  /** Closes the TCP connection without a close frame. */
  async drop(): Promise<void> {
    const { connection } = this;
    if (!connection) return;
    connection.isDropped = true;
    connection.peer[Symbol.dispose]();
    this.resumeReading();
    await this.gone();
  }

  /** Resolves when the connection has ended. */
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

  async #read(
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
        if (this.format === "plain") this.#handleMessage(connection, text, undefined);
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
    const message = JSON.parse(json);
    switch (message.type) {
      case "welcome":
        this.#session = message.session;
        this.position = message.position;
        connection.after = seqOf(message.position);
        // If the server recovered everything, it starts at the requested position.
        if (message.recovered) assertEquals(message.position, since);
        return onWelcome();
      case "said":
        this.position = message.position;
        return this.#handleMessage(connection, message.text, message.position);
      case "ack":
        assertEquals(message.position, this.acks.get(message.id) ?? message.position);
        this.acks.set(message.id, message.position);
        this.pending.delete(message.id);
        this.position = later(this.position!, message.position);
        this.#settle(`ack ${message.id}`);
        return;
      case "gap": {
        const to = seqOf(message.before);
        const from = to - message.missedCount;
        if (epochOf(message.after) === epochOf(message.before)) {
          assertEquals(from, seqOf(message.after) + 1);
          assert(to - 1 <= this.mayMissUpTo, `${this.name} received ${json}`);
        }
        for (let seq = from; seq < to; seq++) connection.missed.add(seq);
        return;
      }
      case "error":
        throw new Error(`${this.name} received ${json}`);
    }
  }

  #handleMessage(connection: Connection, text: string, position: string | undefined): void {
    connection.received.push(text);
    this.#onMessage(text, position);
    this.#settle(text);
  }

  #settle(text: string): void {
    this.#received.add(text);
    this.#waiting.get(text)?.resolve();
    this.#waiting.delete(text);
  }
}

/** Returns the sequence number in a position. Only this test looks into positions. */
export function seqOf(position: string): number {
  return Number(position.split("-")[1]);
}

function epochOf(position: string): string {
  return position.split("-")[0]!;
}

function later(one: string, other: string): string {
  return seqOf(one) > seqOf(other) ? one : other;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
