import { ServerSentEventStream } from "@std/http/server-sent-event-stream";
import type { ServerSentEventMessage } from "@std/http/server-sent-event-stream";
import { generate as generateUuid } from "@std/uuid/v7";
import type { Chat, JoinRequest } from "../../chat/chat.ts";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/members/member.ts";
import type { Wire } from "../../chat/members/wire.ts";
import type { ServerConfig } from "../config.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { EngineParts, OpenWires } from "./open_wires.ts";

/** Members that receive server-sent events: they subscribe to a room over HTTP. */
export class EventStreams {
  readonly #config: ServerConfig;
  readonly #chat: Chat;
  /** Parses each message once; all subscribers get the same events. */
  readonly #decoder = new FrameDecoder((body) => toEvent(`${body}`));
  readonly #wires: OpenWires;

  constructor(config: ServerConfig, { chat, wires }: EngineParts) {
    this.#config = config;
    this.#wires = wires;
    this.#chat = chat;
  }

  /**
   * Adds an admitted subscriber to the chat and returns its events as bytes; undefined if it cannot
   * join, because the stored messages that it needs cannot be read.
   */
  open(
    joinRequest: JoinRequest,
    address: string,
  ): ReadableStream<Uint8Array<ArrayBuffer>> | undefined {
    const wire: EventWire = new EventWire(this.#config, this.#decoder, (closeStatus) => {
      this.#wires.delete(wire);
      if (!wire.member) return;
      this.#chat.leave(wire.member);
      this.#chat.ended(wire.member, closeStatus);
    });
    this.#wires.add(wire);
    const { id } = wire;
    this.#chat.join({ id, wire, address }, joinRequest, (member) => wire.member = member);
    return wire.member && wire.events.pipeThrough(new ServerSentEventStream());
  }
}

/** One subscriber: sends `chorus.v1` messages as server-sent events, as fast as they are read. */
class EventWire implements Wire {
  readonly id = generateUuid();
  readonly events: ReadableStream<ServerSentEventMessage>;
  readonly #decoder: FrameDecoder<ServerSentEventMessage>;
  readonly #stallTimeoutMs: number;
  readonly #onEnded: (closeStatus: CloseCode) => void;
  readonly #heartbeat: ReturnType<typeof setInterval> | undefined;
  #controller!: ReadableStreamDefaultController<ServerSentEventMessage>;
  #onDelivered: (() => void) | undefined;
  /** When the subscriber last read, or had nothing to read. */
  #lastReadMs = performance.now();
  #isOpen = true;
  /** Undefined until the subscriber has joined. */
  member: Member | undefined;

  constructor(
    { pingIntervalMs, stallTimeoutMs }: ServerConfig,
    decoder: FrameDecoder<ServerSentEventMessage>,
    onEnded: (closeStatus: CloseCode) => void,
  ) {
    this.#decoder = decoder;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onEnded = onEnded;
    this.events = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#onRead(),
      cancel: () => this.#end(CLOSE_CODES.normal),
    });
    if (pingIntervalMs > 0) this.#heartbeat = setInterval(() => this.#check(), pingIntervalMs);
  }

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    this.sendFrames(frames);
    if (!this.#isOpen || this.#controller.desiredSize! > 0) return true;
    this.#onDelivered = onDelivered;
    return false;
  }

  sendFrames(frames: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#controller.desiredSize! > 0) this.#lastReadMs = performance.now();
    for (const event of this.#decoder.decode(frames)) this.#controller.enqueue(event);
  }

  close(closeStatus: CloseCode): void {
    if (!this.#isOpen) return;
    // close() sends the events in the stream first, but a slow reader might never read them all.
    if (closeStatus === CLOSE_CODES.tooSlow) this.#controller.error(new Error(closeStatus.reason));
    else this.#controller.close();
    this.#end(closeStatus);
  }

  #onRead(): void {
    this.#lastReadMs = performance.now();
    const onDelivered = this.#onDelivered;
    this.#onDelivered = undefined;
    onDelivered?.();
  }

  /** Sends a comment: it stops proxies from closing a quiet stream, and detects a lost client. */
  #check(): void {
    if (this.#controller.desiredSize! > 0) return this.#controller.enqueue({ comment: "" });
    const stalledMs = performance.now() - this.#lastReadMs;
    if (this.#stallTimeoutMs > 0 && stalledMs >= this.#stallTimeoutMs) {
      this.close(CLOSE_CODES.tooSlow);
    }
  }

  #end(closeStatus: CloseCode): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearInterval(this.#heartbeat);
    this.#onEnded(closeStatus);
    this.#onRead();
  }
}

/**
 * A chat message has no event name, so that `EventSource.onmessage` receives it. The id of messages
 * and of the `welcome` event is the position, so that a reconnecting browser resumes there.
 */
function toEvent(data: string): ServerSentEventMessage {
  const { type, position } = JSON.parse(data);
  if (type === "said") return { id: position, data };
  return type === "welcome" ? { event: type, id: position, data } : { event: type, data };
}
