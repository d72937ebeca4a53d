import { Agent, request as httpRequest } from "node:http";
import type { Socket } from "node:net";
import { type AckCounts, NO_ACKS } from "../../measure/acks.ts";
import { increment } from "../../measure/summary.ts";
import type { Target } from "../connection/connect.ts";
import type { UserPlan } from "../user_plan.ts";
import { connectForHttp } from "./http_connection.ts";
import { noAnswer, type PublishFailure, publishRefusal } from "./publish_failure.ts";
import { roomUrl } from "./room_url.ts";

/** How many connections a thread opens to publish. */
const MAX_CONNECTIONS = 64;

/** How many messages of a sender may wait for their turn. */
const MAX_WAITING = 4096;

/** A message that is due. It is made when it is sent. */
export interface DueMessage {
  readonly plan: UserPlan;
  /** When it was due, in milliseconds since the run began. */
  readonly dueMs: number;
  /** How much later the sender handed it over, in microseconds. */
  readonly lateUs: number;
}

/** What an {@linkcode HttpPublisher} needs. */
export interface HttpPublisherOptions {
  readonly target: Target;
  /** How many messages each sender has sent. Receivers expect as many. */
  readonly sentBySender: Int32Array;
  /** Makes a message, with the next sequence number of its sender. */
  readonly encode: (message: DueMessage) => Uint8Array;
  /** The server has accepted a message. */
  readonly onAcked: (message: DueMessage) => void;
  /** A notice for the user of the client. */
  readonly onNotice: (line: string) => void;
}

/**
 * Publishes messages over HTTP.
 *
 * The messages of one sender are sent one after the other, because those of several connections
 * could overtake each other. So only the last message of a sender can be refused. Its sequence
 * number is then given to the next one, and nobody misses the refused message.
 */
export class HttpPublisher {
  readonly #counts = { acked: 0, refused: 0, unanswered: 0 };
  readonly #errors = new Map<string, number>();
  readonly #options: HttpPublisherOptions;
  readonly #agent: TargetAgent;
  readonly #outboxes = new Map<number, Outbox>();
  /** How many messages have been sent and are not yet answered. */
  #inFlight = 0;
  /** How many messages wait to be sent. */
  #waiting = 0;
  #isClosed = false;

  constructor(options: HttpPublisherOptions) {
    this.#options = options;
    this.#agent = new TargetAgent(options.target);
  }

  /** What the server answered so far. */
  get acks(): AckCounts {
    return { ...NO_ACKS, ...this.#counts, errors: this.#errors };
  }

  /** How many messages have no answer yet. */
  get pending(): number {
    return this.#inFlight + this.#waiting;
  }

  /**
   * Publishes a message after those of the same sender.
   *
   * @returns Whether it was taken. If not, too many messages of the sender wait already.
   */
  publish(message: DueMessage): boolean {
    const outbox = this.#outboxOf(message.plan);
    if (this.#isClosed || outbox.waiting.length >= MAX_WAITING) return false;
    outbox.waiting.push(message);
    this.#waiting++;
    if (!outbox.isBusy) this.#sendNext(outbox);
    return true;
  }

  /**
   * Drops all messages that wait. Those that have been sent can still be answered.
   *
   * @returns How many were dropped.
   */
  drop(): number {
    const dropped = this.#waiting;
    this.#outboxes.forEach(({ waiting }) => waiting.length = 0);
    this.#waiting = 0;
    return dropped;
  }

  /**
   * Closes all connections. What is not answered yet stays unanswered.
   *
   * @returns How many messages were dropped, because they still waited.
   */
  close(): number {
    const dropped = this.drop();
    this.#isClosed = true;
    this.#counts.unanswered += this.#inFlight;
    this.#agent.destroy();
    return dropped;
  }

  #outboxOf({ sender, url, headers }: UserPlan): Outbox {
    let outbox = this.#outboxes.get(sender);
    if (!outbox) this.#outboxes.set(sender, outbox = new Outbox(roomUrl(url, "messages"), headers));
    return outbox;
  }

  #sendNext(outbox: Outbox): void {
    const message = outbox.waiting.shift();
    outbox.isBusy = message !== undefined;
    if (!message) return;
    this.#waiting--;
    this.#inFlight++;
    const body = this.#options.encode(message);
    const { url: { pathname, search }, headers } = outbox;
    const request = httpRequest({
      agent: this.#agent,
      method: "POST",
      path: pathname + search,
      headers: { ...headers, "content-length": `${body.length}` },
    });
    let isAnswered = false;
    const answer = (failure: PublishFailure | undefined) => {
      if (isAnswered || this.#isClosed) return;
      isAnswered = true;
      this.#inFlight--;
      if (failure) this.#failed(message, failure);
      else {
        this.#counts.acked++;
        this.#options.onAcked(message);
      }
      this.#sendNext(outbox);
    };
    const { url } = this.#options.target;
    request.once("response", (response) => {
      response.on("error", () => {});
      response.resume();
      answer(publishRefusal(url, response.statusCode!));
    });
    request.on("error", (error) => answer(noAnswer(url, error)));
    request.end(body);
  }

  #failed({ plan: { sender } }: DueMessage, { reason, isPublished, advice }: PublishFailure): void {
    const { sentBySender, onNotice } = this.#options;
    if (!this.#errors.has(reason)) onNotice(advice);
    increment(this.#errors, reason);
    if (isPublished === "unknown") this.#counts.unanswered++;
    else {
      this.#counts.refused++;
      sentBySender[sender]!--;
    }
  }
}

/** The messages of a sender, and where they go. */
class Outbox {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly waiting: DueMessage[] = [];
  /** Whether a message has been sent and is not yet answered. */
  isBusy = false;

  /** @param headers They replace the Content-Type of plain text. */
  constructor(url: URL, headers: Readonly<Record<string, string>>) {
    this.url = url;
    this.headers = { "content-type": "text/plain; charset=utf-8", ...headers, host: url.host };
  }
}

/** Keeps connections to a target open between requests. */
class TargetAgent extends Agent {
  readonly #target: Target;
  #turn = 0;

  constructor(target: Target) {
    super({ keepAlive: true, maxSockets: MAX_CONNECTIONS });
    this.#target = target;
  }

  override createConnection(): Socket {
    return connectForHttp(this.#target, this.#turn++);
  }
}
