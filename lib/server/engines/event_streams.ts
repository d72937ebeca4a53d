import { ServerSentEventStream } from "@std/http/server-sent-event-stream";
import type { ServerSentEventMessage } from "@std/http/server-sent-event-stream";
import type { Chat } from "../../chat/chat.ts";
import type { JoinRequest } from "../../chat/join_request.ts";
import { CLOSE_CODES, type CloseCode } from "../../chat/close_code.ts";
import type { Member } from "../../chat/members/member.ts";
import type { FrameSender, Wire } from "../../chat/members/wire.ts";
import { checkIntervalMs, isDeadlineOver } from "../../websocket/heartbeat.ts";
import type { DeliveryListener } from "../../websocket/sender.ts";
import type { ServerConfig } from "../config.ts";
import type { Peer, Visitor } from "../http/guard.ts";
import { newConnectionId } from "./connection_id.ts";
import { FrameDecoder } from "./frame_decoder.ts";
import type { EngineParts, OpenWires } from "./open_wires.ts";

/** How long a browser waits before it reconnects: an earlier refusal may have told it longer. */
const RETRY_MS = 3000;

/**
 * The `code` in the last event of a stream that ends, by the close code that a WebSocket would get.
 * A stream that ends because the server stops has got a `reconnect` event instead.
 */
const END_CODES: ReadonlyMap<number, string> = new Map([
  [CLOSE_CODES.internalError.code, "internal_error"],
  [CLOSE_CODES.startedOver.code, "started_over"],
  [CLOSE_CODES.historyUnavailable.code, "history_unavailable"],
  [CLOSE_CODES.tokenExpired.code, "token_expired"],
  [CLOSE_CODES.removed.code, "removed"],
  [CLOSE_CODES.roomDeleted.code, "room_deleted"],
]);

type Deadlines = Pick<ServerConfig, "pingIntervalMs" | "stallTimeoutMs">;

/** Members that receive server-sent events: they subscribe to a room over HTTP. */
export class EventStreams {
  readonly #deadlines: Deadlines;
  readonly #chat: Chat;
  /** Parses each message once; all subscribers get the same events. */
  readonly #decoder = new FrameDecoder((body) => toEvent(`${body}`));
  readonly #wires: OpenWires;
  readonly #open = new Set<EventWire>();
  /** Checks the deadlines of all streams. Runs while there are any. */
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(deadlines: Deadlines, { chat, wires }: EngineParts) {
    this.#deadlines = deadlines;
    this.#wires = wires;
    this.#chat = chat;
  }

  /**
   * Adds an admitted subscriber to the chat and returns its events as bytes; if it cannot join, the
   * close code that says why.
   */
  open(
    joinRequest: JoinRequest,
    { access, address, ip, requestId }: Visitor,
    peer: Peer,
  ): ReadableStream<Uint8Array<ArrayBuffer>> | CloseCode {
    let ended: CloseCode = CLOSE_CODES.internalError;
    const wire: EventWire = new EventWire(this.#decoder, (closeStatus) => {
      ended = closeStatus;
      this.#forget(wire);
      if (!wire.member) return;
      this.#chat.leave(wire.member);
      this.#chat.ended(wire.member, closeStatus);
    });
    this.#add(wire, ip);
    peer.onStalled = () => this.#closeStalled(wire);
    const { id } = wire;
    this.#chat.join({ id, wire, access, address, requestId }, joinRequest, wire);
    return wire.member === undefined ? ended : wire.events.pipeThrough(new ServerSentEventStream());
  }

  #add(wire: EventWire, ip: string): void {
    this.#wires.add(wire, ip);
    this.#open.add(wire);
    const { pingIntervalMs, stallTimeoutMs } = this.#deadlines;
    const deadlines = [pingIntervalMs, stallTimeoutMs].filter((ms) => ms > 0);
    if (deadlines.length === 0) return;
    this.#timer ??= setInterval(() => this.#check(), checkIntervalMs(deadlines));
  }

  #forget(wire: EventWire): void {
    this.#wires.delete(wire);
    this.#open.delete(wire);
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    const nowMs = performance.now();
    for (const wire of this.#open) {
      if (wire.isStalled(nowMs, this.#deadlines)) this.#closeStalled(wire);
      else wire.ping(nowMs, this.#deadlines);
    }
  }

  #closeStalled(wire: EventWire): void {
    if (this.#open.has(wire)) this.#chat.counters.slowReaders.stalled++;
    wire.close(CLOSE_CODES.tooSlow);
  }
}

/** One subscriber: sends `chorus.v1` messages as server-sent events, as fast as they are read. */
class EventWire implements Wire, FrameSender {
  readonly id = newConnectionId();
  readonly sender = this;
  readonly events: ReadableStream<ServerSentEventMessage>;
  readonly #decoder: FrameDecoder<ServerSentEventMessage>;
  readonly #onEnded: (closeStatus: CloseCode) => void;
  #controller!: ReadableStreamDefaultController<ServerSentEventMessage>;
  #deliveryListener: DeliveryListener | undefined;
  /** When the subscriber last read, or got something while it had nothing to read. */
  #activeAtMs = performance.now();
  #isOpen = true;
  /** Undefined until the subscriber has joined. */
  member: Member | undefined;

  constructor(
    decoder: FrameDecoder<ServerSentEventMessage>,
    onEnded: (closeStatus: CloseCode) => void,
  ) {
    this.#decoder = decoder;
    this.#onEnded = onEnded;
    this.events = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#onRead(),
      cancel: () => this.#end(CLOSE_CODES.normal),
    });
  }

  deliver(frames: Uint8Array, listener: DeliveryListener): boolean {
    this.sendFrames(frames);
    if (!this.#isOpen || this.#controller.desiredSize! > 0) return true;
    this.#deliveryListener = listener;
    return false;
  }

  sendFrames(frames: Uint8Array): void {
    if (!this.#isOpen) return;
    if (this.#controller.desiredSize! > 0) this.#activeAtMs = performance.now();
    for (const event of this.#decoder.decode(frames)) this.#controller.enqueue(event);
  }

  close(closeStatus: CloseCode): void {
    if (!this.#isOpen) return;
    // close() sends the events in the stream first, but a slow reader might never read them all.
    if (closeStatus === CLOSE_CODES.tooSlow) this.#controller.error(new Error(closeStatus.reason));
    else this.#closeWithReason(closeStatus);
    this.#end(closeStatus);
  }

  /** Tells the subscriber why the stream ends. */
  #closeWithReason({ code: closeCode, reason: message }: CloseCode): void {
    const code = END_CODES.get(closeCode);
    if (code) this.#controller.enqueue(toEvent(JSON.stringify({ type: "error", code, message })));
    this.#controller.close();
  }

  #onRead(): void {
    this.#activeAtMs = performance.now();
    const listener = this.#deliveryListener;
    this.#deliveryListener = undefined;
    listener?.onDelivered();
  }

  /** Whether the subscriber has read nothing for too long. */
  isStalled(nowMs: number, { stallTimeoutMs }: Deadlines): boolean {
    return this.#controller.desiredSize! <= 0 &&
      isDeadlineOver(nowMs, this.#activeAtMs, stallTimeoutMs);
  }

  /**
   * Sends a comment on a quiet stream: it stops proxies from closing the stream, and detects a lost
   * client.
   */
  ping(nowMs: number, { pingIntervalMs }: Deadlines): void {
    const isQuiet = isDeadlineOver(nowMs, this.#activeAtMs, pingIntervalMs);
    if (this.#controller.desiredSize! <= 0 || !isQuiet) return;
    this.#activeAtMs = nowMs;
    this.#controller.enqueue({ comment: "" });
  }

  #end(closeStatus: CloseCode): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onEnded(closeStatus);
    this.#onRead();
  }
}

/**
 * Converts a message of `chorus.v1`. A chat message has no event name, so that
 * `EventSource.onmessage` receives it. The id of messages and of the `welcome` event is the
 * position, so that a reconnecting browser resumes there.
 */
function toEvent(data: string): ServerSentEventMessage {
  const { type, position, inMs } = JSON.parse(data);
  if (type === "said") return { id: position, data };
  // The browser then reconnects by itself this long after the end of the stream.
  if (type === "reconnect") return { event: type, data, retry: inMs };
  return type === "welcome"
    ? { event: type, id: position, data, retry: RETRY_MS }
    : { event: type, data };
}
