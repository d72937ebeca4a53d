import { ServerSentEventStream } from "@std/http/server-sent-event-stream";
import type { ServerSentEventMessage } from "@std/http/server-sent-event-stream";
import { generate as generateUuid } from "@std/uuid/v7";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/member.ts";
import type { Wire } from "../../chat/wire.ts";
import type { Chat, JoinRequest } from "../../chat/chat.ts";
import type { ServerConfig } from "../config.ts";
import { FrameDecoder } from "../engines/frame_decoder.ts";

/** The headers of a stream of events. */
export const EVENTS_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** The members of the chat that listen over HTTP, to server-sent events. */
export class EventStreams {
  readonly #config: ServerConfig;
  readonly #chat: Chat;
  readonly #decoder = new FrameDecoder();
  readonly #wires = new Set<EventWire>();

  constructor(config: ServerConfig, chat: Chat) {
    this.#config = config;
    this.#chat = chat;
  }

  /** How many there are. */
  get size(): number {
    return this.#wires.size;
  }

  /** Lets a listener in that has been admitted, and answers with all that it is to hear. */
  open(joinRequest: JoinRequest, address: string): Response {
    const wire: EventWire = new EventWire(this.#config, this.#decoder, (closeStatus) => {
      this.#wires.delete(wire);
      if (!wire.member) return;
      this.#chat.leave(wire.member);
      this.#chat.ended(wire.member, closeStatus);
    });
    this.#wires.add(wire);
    const { id } = wire;
    this.#chat.join({ id, wire, address }, joinRequest, (member) => wire.member = member);
    return new Response(wire.events.pipeThrough(new ServerSentEventStream()), {
      headers: EVENTS_HEADERS,
    });
  }

  /** Ends them all, behind what has been said. */
  closeAll(): void {
    for (const wire of this.#wires) wire.close(CLOSE_CODES.goingAway);
  }
}

/** A listener: takes the frames of `chorus.v1` apart into events, as fast as they are read. */
class EventWire implements Wire {
  readonly id = generateUuid();
  readonly events: ReadableStream<ServerSentEventMessage>;
  readonly #decoder: FrameDecoder;
  readonly #stallTimeoutMs: number;
  readonly #onEnded: (closeStatus: CloseCode) => void;
  readonly #heartbeat: ReturnType<typeof setInterval> | undefined;
  #controller!: ReadableStreamDefaultController<ServerSentEventMessage>;
  #onDelivered: (() => void) | undefined;
  #lastReadMs = performance.now();
  #isOpen = true;
  member: Member | undefined;

  constructor(
    { pingIntervalMs, stallTimeoutMs }: ServerConfig,
    decoder: FrameDecoder,
    onEnded: (closeStatus: CloseCode) => void,
  ) {
    this.#decoder = decoder;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onEnded = onEnded;
    this.events = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#pulled(),
      cancel: () => this.#end(CLOSE_CODES.normal),
    });
    if (pingIntervalMs > 0) this.#heartbeat = setInterval(() => this.#beat(), pingIntervalMs);
  }

  deliver(frames: Uint8Array, onDelivered: () => void): boolean {
    this.#enqueue(frames);
    if (!this.#isOpen || this.#controller.desiredSize! > 0) return true;
    this.#onDelivered = onDelivered;
    return false;
  }

  sendFrames(frames: Uint8Array): void {
    this.#enqueue(frames);
  }

  close(closeStatus: CloseCode): void {
    if (!this.#isOpen) return;
    // Who does not read would never come to the end of what waits for it.
    if (closeStatus === CLOSE_CODES.tooSlow) this.#controller.error(new Error(closeStatus.reason));
    else this.#controller.close();
    this.#end(closeStatus);
  }

  #enqueue(frames: Uint8Array): void {
    if (!this.#isOpen) return;
    // Until now there was nothing to read.
    if (this.#controller.desiredSize! > 0) this.#lastReadMs = performance.now();
    for (const text of this.#decoder.decode(frames)) this.#controller.enqueue(toEvent(`${text}`));
  }

  #pulled(): void {
    this.#lastReadMs = performance.now();
    const onDelivered = this.#onDelivered;
    this.#onDelivered = undefined;
    onDelivered?.();
  }

  /** A comment keeps proxies from ending a stream on which nothing is said, and finds out who is gone. */
  #beat(): void {
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
    this.#pulled();
  }
}

/** A message is an event without a name, so that `onmessage` gets it; its position, and that of the welcome, is the id. */
function toEvent(data: string): ServerSentEventMessage {
  const { type, position } = JSON.parse(data);
  if (type === "said") return { id: position, data };
  return type === "welcome" ? { event: type, id: position, data } : { event: type, data };
}
