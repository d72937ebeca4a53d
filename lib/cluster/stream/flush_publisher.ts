import { JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import {
  createInbox,
  errors,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";

/** How long to wait for the acknowledgment of a flush. */
const ACK_TIMEOUT_MS = 5000;

/** The server answers so if nobody receives a subject. */
const NO_RESPONDERS = 503;

/** JetStream stores a publish with the same id once. */
const MESSAGE_ID = "Nats-Msg-Id";

/** Where a flush is published. */
export interface FlushAddress {
  readonly subject: string;
  /** The number of the flush in this process. */
  readonly number: number;
  /** The id with which the stream finds a flush that is published again. */
  readonly id: string;
}

/** The answer of the stream. */
interface Answer {
  readonly seq?: number;
  readonly error?: ConstructorParameters<typeof JetStreamApiError>[0];
}

/** A flush whose acknowledgment has not come. */
interface Waiting {
  readonly subject: string;
  readonly untilMs: number;
  readonly resolve: (streamSeq: number) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Publishes flushes, and receives their acknowledgments in one inbox.
 *
 * The requests of nats.js make an error and a timer for each publish: that takes a third of all the
 * time of a process that publishes many flushes.
 */
export class FlushPublisher implements Disposable {
  readonly #connection: NatsConnection;
  readonly #inbox = `${createInbox()}.`;
  readonly #acks: Subscription;
  /** By the number of the flush. Those that have waited longest come first. */
  readonly #waiting = new Map<number, Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Subscribes to the inbox. */
  constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#acks = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => this.#receive(error, message),
    });
    this.#watch();
  }

  /**
   * Publishes a flush, or publishes it again. Resolves with its sequence number in the stream.
   *
   * @throws {errors.NoRespondersError} If no server leads the stream.
   * @throws {errors.TimeoutError} If there is no answer for five seconds.
   * @throws {JetStreamApiError} If the stream does not store it.
   * @throws {errors.PermissionViolationError} If the user may not publish it.
   */
  publish({ subject, number, id }: FlushAddress, payload: Uint8Array): Promise<number> {
    const options = { headers: headers(), reply: `${this.#inbox}${number}` };
    options.headers.set(MESSAGE_ID, id);
    this.#connection.publish(subject, payload, options);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    // Deleted first, so that it comes last.
    this.#waiting.delete(number);
    const untilMs = performance.now() + ACK_TIMEOUT_MS;
    this.#waiting.set(number, { subject, untilMs, resolve, reject });
    this.#timer ??= setTimeout(() => this.#expire(), ACK_TIMEOUT_MS);
    return promise;
  }

  /** Receives no more acknowledgments. */
  [Symbol.dispose](): void {
    this.#acks.unsubscribe();
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #receive(error: Error | null, message: Msg): void {
    if (error) return this.#rejectAll(error, () => true);
    const number = Number(message.subject.slice(this.#inbox.length));
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (!waiting) return;
    const result = resultOf(message);
    if (typeof result === "number") waiting.resolve(result);
    else waiting.reject(result);
  }

  /** Rejects what the user may not publish. */
  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      const error = status.type === "error" ? status.error : undefined;
      if (!(error instanceof errors.PermissionViolationError)) continue;
      if (error.operation !== "publish") continue;
      this.#rejectAll(error, ({ subject }) => subject === error.subject);
    }
  }

  #rejectAll(error: Error, isMeant: (waiting: Waiting) => boolean): void {
    for (const [number, waiting] of this.#waiting) {
      if (!isMeant(waiting)) continue;
      this.#waiting.delete(number);
      waiting.reject(error);
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    this.#rejectAll(new errors.TimeoutError(), ({ untilMs }) => untilMs <= nowMs);
    const [first] = this.#waiting.values();
    if (first) this.#timer = setTimeout(() => this.#expire(), first.untilMs - nowMs);
  }
}

/** Returns the sequence number in the stream, or why the flush was not stored. */
function resultOf(message: Msg): number | Error {
  if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
    return new errors.NoRespondersError(message.subject);
  }
  let answer: Answer;
  try {
    answer = message.json<Answer>();
  } catch {
    return new Error("the answer is not JSON");
  }
  const { seq, error } = answer;
  if (error?.err_code === JetStreamApiCodes.JetStreamNotEnabledForAccount) {
    return new Error("JetStream is not enabled");
  }
  if (error) return new JetStreamApiError(error);
  return seq ?? new Error("the answer has no sequence number");
}
