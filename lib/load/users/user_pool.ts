import { CHORUS_PROTOCOL } from "../../chat/chorus_v1.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import { Heartbeat } from "../../websocket/heartbeat.ts";
import { speaksChorus } from "../config.ts";
import { delay } from "../delay.ts";
import { type AckCounts, NO_ACKS } from "../measure/acks.ts";
import type { RunClock } from "../measure/clock.ts";
import { DeliveryLedger } from "../measure/ledger/ledger.ts";
import { MarkedMessage } from "../measure/message.ts";
import type { Marker } from "../measure/ledger/marker.ts";
import type { SlowReaders } from "../measure/measurement.ts";
import type { ReceiverLedger } from "../measure/ledger/receiver_ledger.ts";
import { increment, Summary } from "../measure/summary.ts";
import type { AckRecorder } from "./chorus_v1/ack_recorder.ts";
import type { PendingMessages } from "./chorus_v1/pending_messages.ts";
import { SayMessage } from "./chorus_v1/say_message.ts";
import { type Attempt, connect, Connection } from "./connection/connect.ts";
import { type ConnectFailure, lossText } from "./connection/connect_failure.ts";
import { connectOnSchedule } from "./connection/connect_schedule.ts";
import { type EventStream, openEventStream } from "./http/event_stream.ts";
import { ReadThrottle } from "./connection/read_throttle.ts";
import { rolesOf } from "./roles.ts";
import { createUser, type User } from "./user.ts";
import type { WorkerOptions } from "./worker.ts";

/** How long after its handshake a reconnected user is expected to be in the room. */
const SETTLE_MS = 1000;

/** The events of a {@linkcode UserPool}. */
export interface UserPoolListener {
  /** A connection was opened, `us` microseconds after the attempt began. */
  onOpened(us: number): void;
  /** A message was delivered to a user that is not slow. */
  onDelivered(marker: Readonly<Marker>): void;
  /** Takes what the server answers, if the users speak `chorus.v1`. */
  readonly acks: AckRecorder | undefined;
  /** A user has reconnected as the same member, with `chorus.v1`. */
  onResumed(user: User): void;
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
    const Message = speaksChorus(config) ? SayMessage : MarkedMessage;
    const message = new Message(config.message, config.size);
    const shared = { run, sentBySender, message, senders: plan.senders, startEpochMs };
    this.ledger = new DeliveryLedger({ ...shared, orderTable });
    this.#slowLedger = new DeliveryLedger({ ...shared, orderTable: undefined });
    this.users = plan.users.map((each) => createUser(each, run, listener.acks));
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
    this.users.forEach(({ receiver }) => receiver?.settle());
  }

  /** Disconnects a user and connects it again. If that fails, its connection counts as lost. */
  async reconnect(user: User): Promise<void> {
    if (!user.connection) return;
    user.isAway = true;
    this.#left(await user.connection.leave());
    if (await this.comeBack(user)) this.#giveUp(user);
    else if (user.connection) this.churned++;
  }

  /** Cuts a user's connection without a close frame. It must {@linkcode comeBack}. */
  cut(user: User): void {
    user.isAway = true;
    (user.connection as Connection).cut();
  }

  /** Tries once to connect a user that is away. @returns The failure, if it has failed. */
  async comeBack(user: User): Promise<ConnectFailure | undefined> {
    const attempt = await this.#connect(user, user.receiver);
    if ("connection" in attempt) user.isAway = false;
    const receiver = user.receiver!;
    if (!receiver.isSettled) {
      delay(SETTLE_MS, this.#end.signal).then(() => receiver.settle());
    }
    return "failure" in attempt ? attempt.failure : undefined;
  }

  /** Counts the connections of users that are still away as lost. */
  giveUpAway(): void {
    this.users.filter(({ isAway }) => isAway).forEach((user) => this.#giveUp(user));
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

  /** How many messages of this run and acks arrived, whatever they count as. */
  get ownCount(): number {
    return this.ledger.ownCount + this.#slowLedger.ownCount + (this.#listener.acks?.answered ?? 0);
  }

  /** What the server answered so far to messages that ask for an ack. */
  get acks(): AckCounts {
    return this.#listener.acks?.counts(this.#sumPending(({ count }) => count)) ?? NO_ACKS;
  }

  #sumPending(count: (pending: PendingMessages) => number, users = this.users): number {
    return users.reduce((sum, { chorus }) => sum + (chorus ? count(chorus.pending) : 0), 0);
  }

  /** The users that are connected, or will be again. */
  get #present(): readonly User[] {
    return this.users.filter(({ connection, isAway }) => connection || isAway);
  }

  /** The receivers of all users that are connected, or will be again. */
  get receivers(): readonly ReceiverLedger[] {
    return this.#present.map(({ receiver }) => receiver!);
  }

  /** How many deliveries and acks are still expected, including those to slow readers. */
  get outstanding(): number {
    const awaited = this.#sumPending((each) => each.count - each.forgottenCount, this.#present);
    return this.ledger.outstanding + this.#slowLedger.outstanding + awaited;
  }

  /** What happened to the slow readers so far. */
  get slowReaders(): SlowReaders {
    return {
      count: this.users.filter(({ plan }) => plan.isSlow).length,
      closeCodes: new Map(this.#slowCloseCodes),
      ledger: this.#slowLedger.counts,
    };
  }

  #join(user: User, before?: ReceiverLedger): ReceiverLedger {
    const { config, plan: { rooms } } = this.#options;
    const { id, sender, room, via } = user.plan;
    // What a user publishes over HTTP comes to its own connection too.
    const self = config.publish === "http" ? -1 : sender;
    return this.#ledgerOf(user).join({ id, sender: self, room: rooms[room]! }, via, before);
  }

  async #open(user: User): Promise<void> {
    const attempt = await this.#connect(user);
    if ("connection" in attempt) this.summary.opened++;
    else if ("failure" in attempt) this.summary.addFailure(attempt.failure);
  }

  /**
   * Opens a user's connection. A user that can resume has the same receiver again. Others have a
   * new one, which is not yet settled.
   *
   * @param before What the user received on its connection before.
   */
  async #connect(user: User, before?: ReceiverLedger): Promise<Attempt<Connection | EventStream>> {
    const { target, config } = this.#options;
    const { plan, chorus } = user;
    const ledger = this.#ledgerOf(user);
    const isResumed = before !== undefined && chorus !== undefined;
    if (isResumed) before.ownUntil = this.#options.sentBySender[plan.sender] ?? 0;
    const receiver = isResumed ? before : this.#join(user, before);
    const handshake = new AbortController();
    if (this.#end.signal.aborted) handshake.abort();
    this.#handshakes.add(handshake);
    const startMs = this.#clock.nowMs;
    const onDelivered = plan.isSlow ? () => {} : this.#listener.onDelivered;
    const open = plan.via === "events" ? openEventStream : connect;
    const attempt = await open(target, {
      user: isResumed ? { ...plan, url: chorus.resumeUrl(plan.url) } : plan,
      timeoutMs: config.connectTimeoutMs,
      signal: handshake.signal,
      clock: this.#clock,
      heartbeat: this.#heartbeat,
      reading: plan.isSlow ? this.#throttle ?? "nothing" : "everything",
      requiredProtocol: chorus && CHORUS_PROTOCOL,
      onMessage: (_opcode, bytes, start, end) => {
        const kind = chorus?.receive(bytes, start, end);
        if (kind === "other") return;
        this.summary.received++;
        ledger.receive(receiver, bytes, start, end, kind === "broken" ? undefined : onDelivered);
      },
      onRead: chorus && (() => chorus.onRead()),
    });
    this.#handshakes.delete(handshake);
    if (!("connection" in attempt)) {
      if (!isResumed) ledger.leave(receiver);
      if ("failure" in attempt) this.#listener.onNotice(attempt.failure.advice);
      return attempt;
    }
    this.#listener.onOpened((this.#clock.nowMs - startMs) * 1000);
    Object.assign(user, { connection: attempt.connection, receiver });
    this.connections++;
    if (isResumed) this.#listener.onResumed(user);
    attempt.connection.closed.then((status) => {
      user.connection = undefined;
      if (!chorus || !user.isAway) ledger.leave(receiver);
      this.connections--;
      if (!this.#isLeaving && !user.isAway) this.#lost(user, status);
    });
    return attempt;
  }

  #giveUp(user: User): void {
    user.isAway = false;
    this.ledger.leave(user.receiver!);
    if (!this.#end.signal.aborted) increment(this.summary.losses, "could not reconnect");
    this.#endIfEmpty();
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
    if (!this.users.some(({ isAway }) => isAway)) this.#end.abort();
  }

  #ledgerOf({ plan }: User): DeliveryLedger {
    return plan.isSlow ? this.#slowLedger : this.ledger;
  }
}
