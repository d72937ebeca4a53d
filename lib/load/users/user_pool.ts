import type { CloseStatus } from "../../websocket/close_frame.ts";
import { Heartbeat } from "../../websocket/heartbeat.ts";
import { delay } from "../delay.ts";
import type { RunClock } from "../measure/clock.ts";
import { DeliveryLedger } from "../measure/ledger.ts";
import type { ReceiverLedger } from "../measure/receiver_ledger.ts";
import { MarkedMessage } from "../measure/message.ts";
import type { Marker } from "../measure/marker.ts";
import type { SlowReaders } from "../measure/measurement.ts";
import { increment, Summary } from "../measure/summary.ts";
import { connect, Connection } from "./connect.ts";
import { lossText } from "./connect_failure.ts";
import { connectOnSchedule } from "./connect_schedule.ts";
import { type EventStream, openEventStream } from "./http/event_stream.ts";
import { ReadThrottle } from "./read_throttle.ts";
import { rolesOf } from "./roles.ts";
import type { UserPlan } from "./user_plan.ts";
import type { WorkerOptions } from "./worker.ts";

/** How long after its handshake a reconnected user is expected to be in the room. */
const SETTLE_MS = 1000;

/** One of a worker's users. */
export interface User {
  readonly plan: UserPlan;
  /** undefined while it is not connected. */
  connection: Connection | EventStream | undefined;
  receiver: ReceiverLedger | undefined;
  /** Whether `--churn` is reconnecting it. */
  isChurning: boolean;
}

/** The events of a {@linkcode UserPool}. */
export interface UserPoolListener {
  /** A connection was opened, `us` microseconds after the attempt began. */
  onOpened(us: number): void;
  /** A message was delivered to a user that is not slow. */
  onDelivered(marker: Readonly<Marker>): void;
  /** A notice for the user of the client. */
  onNotice(line: string): void;
}

/** A worker's users and their connections, and what arrived on them. */
export class UserPool {
  readonly users: readonly User[];
  readonly summary = new Summary();
  /** The deliveries to users that are not slow. */
  readonly ledger: DeliveryLedger;
  readonly #slowLedger: DeliveryLedger;
  readonly #slowCloseCodes = new Map<number, number>();
  readonly #options: WorkerOptions;
  readonly #clock: RunClock;
  readonly #listener: UserPoolListener;
  readonly #heartbeat: Heartbeat;
  /** Limits the slow readers; undefined if they read nothing. */
  readonly #throttle: ReadThrottle | undefined;
  /** One for each handshake, because thousands of listeners on one signal are slow. */
  readonly #handshakes = new Set<AbortController>();
  readonly #end = new AbortController();
  /** How many connections are open. */
  connections = 0;
  /** How many times a user disconnected and reconnected because of `--churn`. */
  churned = 0;
  #isConnecting = false;
  #isLeaving = false;

  constructor(options: WorkerOptions, clock: RunClock, listener: UserPoolListener) {
    const { run, sentBySender, orderTable, startEpochMs, plan, config } = options;
    this.#options = options;
    this.#clock = clock;
    this.#listener = listener;
    this.#heartbeat = new Heartbeat(options.target.deadlines, clock);
    const { slowBytesPerSecond } = rolesOf(config);
    if (slowBytesPerSecond > 0) this.#throttle = new ReadThrottle(slowBytesPerSecond, clock);
    const { senders } = plan;
    const message = new MarkedMessage(config.message, config.size);
    const shared = { run, sentBySender, message, senders, startEpochMs };
    this.ledger = new DeliveryLedger({ ...shared, orderTable });
    this.#slowLedger = new DeliveryLedger({ ...shared, orderTable: undefined });
    this.users = plan.users.map((each) => ({
      plan: each,
      connection: undefined,
      receiver: undefined,
      isChurning: false,
    }));
  }

  /** Aborts when the run is stopped, or no user is connected any more. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Connects all users on schedule. @returns Resolves when every attempt has ended. */
  async connect(): Promise<void> {
    const { config, index } = this.#options;
    const attempts: Promise<void>[] = [];
    this.#isConnecting = true;
    await connectOnSchedule(config, this.#end.signal, (id) => {
      const at = (id - 1 - index) / config.workers;
      if (Number.isInteger(at)) attempts.push(this.#open(this.users[at]!));
    });
    await Promise.all(attempts);
    this.#isConnecting = false;
    this.#endIfEmpty();
  }

  /** From now on, expects all connected users to receive every message. */
  settle(): void {
    for (const user of this.users) {
      user.receiver?.settle();
    }
  }

  /** Disconnects a user and connects it again. If that fails, its connection counts as lost. */
  async reconnect(user: User): Promise<void> {
    if (!user.connection) return;
    user.isChurning = true;
    this.#left(await user.connection.leave());
    if (await this.#connect(user)) {
      this.churned++;
      const receiver = user.receiver!;
      delay(SETTLE_MS, this.#end.signal).then(() => receiver.settle());
    } else if (!this.#end.signal.aborted) increment(this.summary.losses, "could not reconnect");
    user.isChurning = false;
    this.#endIfEmpty();
  }

  /** Lets the slow readers read what the server still has for them. */
  resumeSlowReaders(): void {
    for (const { plan, connection } of this.users) {
      if (plan.isSlow && connection instanceof Connection) connection.resume();
    }
  }

  /** Aborts {@linkcode signal} and all handshakes. */
  stop(): void {
    this.#end.abort();
    this.#handshakes.forEach((handshake) => handshake.abort());
  }

  /** Closes all connections. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.stop();
    await Promise.all(this.users.map(async ({ connection, plan }) => {
      if (!connection) return;
      const status = await connection.leave();
      if (!plan.isSlow) this.#left(status);
    }));
    this.#heartbeat[Symbol.dispose]();
    this.#throttle?.[Symbol.dispose]();
  }

  /** How many messages of this run arrived, whatever they count as. */
  get ownCount(): number {
    return this.ledger.ownCount + this.#slowLedger.ownCount;
  }

  /** How many deliveries are still expected, including those to slow readers. */
  get outstanding(): number {
    return this.ledger.outstanding + this.#slowLedger.outstanding;
  }

  /** What happened to the slow readers so far. */
  get slowReaders(): SlowReaders {
    return {
      count: this.users.filter(({ plan }) => plan.isSlow).length,
      closeCodes: new Map(this.#slowCloseCodes),
      ledger: this.#slowLedger.counts,
    };
  }

  async #open(user: User): Promise<void> {
    if (await this.#connect(user)) this.summary.opened++;
  }

  /** Opens a user's connection. Its receiver is not yet settled. @returns Whether it is open. */
  async #connect(user: User): Promise<boolean> {
    const { target, config, plan } = this.#options;
    const { id, sender, room } = user.plan;
    const ledger = this.#ledgerOf(user);
    // What a user publishes over HTTP comes to its own connection too.
    const self = config.publish === "http" ? -1 : sender;
    const receiver = ledger.join({ id, sender: self, room: plan.rooms[room]! }, user.plan.via);
    const handshake = new AbortController();
    if (this.#end.signal.aborted) handshake.abort();
    this.#handshakes.add(handshake);
    const startMs = this.#clock.nowMs;
    const onDelivered = user.plan.isSlow ? () => {} : this.#listener.onDelivered;
    const open = user.plan.via === "events" ? openEventStream : connect;
    const attempt = await open(target, {
      user: user.plan,
      timeoutMs: config.connectTimeoutMs,
      signal: handshake.signal,
      clock: this.#clock,
      heartbeat: this.#heartbeat,
      reading: user.plan.isSlow ? this.#throttle ?? "nothing" : "everything",
      onMessage: (_opcode, bytes, start, end) => {
        this.summary.received++;
        ledger.receive(receiver, bytes, start, end, onDelivered);
      },
    });
    this.#handshakes.delete(handshake);
    if (!("connection" in attempt)) {
      ledger.leave(receiver);
      if ("failure" in attempt) {
        this.#listener.onNotice(attempt.failure.advice);
        if (!user.isChurning) this.summary.addFailure(attempt.failure);
      }
      return false;
    }
    this.#listener.onOpened((this.#clock.nowMs - startMs) * 1000);
    Object.assign(user, { connection: attempt.connection, receiver });
    this.connections++;
    attempt.connection.closed.then((status) => {
      user.connection = undefined;
      ledger.leave(receiver);
      this.connections--;
      if (!this.#isLeaving && !user.isChurning) this.#lost(user, status);
    });
    return true;
  }

  #lost({ plan }: User, status: CloseStatus): void {
    if (plan.isSlow) increment(this.#slowCloseCodes, status.code);
    else {
      this.summary.addLoss(status);
      this.#listener.onNotice(lossText(status));
    }
    this.#endIfEmpty();
  }

  #left(status: CloseStatus): void {
    this.summary.addLeave(status);
    if (status.code === 1006) this.#listener.onNotice(lossText(status));
  }

  #endIfEmpty(): void {
    if (this.#isConnecting || this.connections > 0) return;
    if (!this.users.some(({ isChurning }) => isChurning)) this.#end.abort();
  }

  #ledgerOf({ plan }: User): DeliveryLedger {
    return plan.isSlow ? this.#slowLedger : this.ledger;
  }
}
