import { printable } from "../../cli/printable.ts";
import { letArrive } from "./arrivals.ts";
import type { CloseStatus } from "../../websocket/close_frame.ts";
import { connect, type Connection } from "./connect.ts";
import { delay } from "../delay.ts";
import { leave } from "./leave.ts";
import { DeliveryLedger, type ReceiverLedger } from "../measure/ledger.ts";
import type { Marker } from "../measure/marker.ts";
import { rolesOf } from "./roles.ts";
import type { RunClock } from "../measure/run_clock.ts";
import { increment, Summary } from "../measure/summary.ts";
import type { SlowReaders, WorkerOptions } from "./worker.ts";

/** How long a server may take, at most, to count in who has come again while others talk. */
const SETTLE_MS = 1000;

/** One of a worker's users. */
export interface User {
  readonly id: number;
  /** Its number as a sender; -1 if it only listens. */
  readonly sender: number;
  /** Whether it reads nothing until the sending is over. */
  readonly isSlow: boolean;
  /** undefined while it is not connected. */
  connection: Connection | undefined;
  receiver: ReceiverLedger | undefined;
  /** Whether it is leaving to come again. */
  isChurning: boolean;
}

/** What a pool tells. */
export interface UserPoolListener {
  /** A connection has been opened, so many microseconds after the attempt. */
  onOpened(us: number): void;
  /** A message has come to somebody who was to receive it and is not slow. */
  onDelivered(marker: Readonly<Marker>): void;
  /** What a person who watches the run should know. */
  onNotice(line: string): void;
}

/** A worker's users and their connections, and what has come on them. */
export class UserPool {
  readonly users: readonly User[];
  readonly summary = new Summary();
  /** Of all who are not slow. */
  readonly ledger: DeliveryLedger;
  readonly #slowLedger: DeliveryLedger;
  readonly #slowCloses = new Map<number, number>();
  readonly #options: WorkerOptions;
  readonly #clock: RunClock;
  readonly #listener: UserPoolListener;
  /** A signal for each handshake, as a signal is slow to tell thousands of listeners that come and go. */
  readonly #handshakes = new Set<AbortController>();
  readonly #over = new AbortController();
  /** How many connections are open. */
  connections = 0;
  /** How many users have left and come again. */
  churned = 0;
  #isArriving = false;
  #isLeaving = false;

  constructor(options: WorkerOptions, clock: RunClock, listener: UserPoolListener) {
    const { config, run, sentBySender, index } = options;
    this.#options = options;
    this.#clock = clock;
    this.#listener = listener;
    this.ledger = new DeliveryLedger(run, sentBySender);
    this.#slowLedger = new DeliveryLedger(run, sentBySender);
    const { senderCount, slowCount } = rolesOf(config);
    const users: User[] = [];
    for (let id = index + 1; id <= config.count; id += config.workers) {
      users.push({
        id,
        sender: id <= senderCount ? id - 1 : -1,
        isSlow: id > config.count - slowCount,
        connection: undefined,
        receiver: undefined,
        isChurning: false,
      });
    }
    this.users = users;
  }

  /** Aborts when the run is stopped, or nobody is left. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** Connects everybody, on the schedule of arrivals. */
  async connect(): Promise<void> {
    const { config, index } = this.#options;
    const attempts: Promise<void>[] = [];
    this.#isArriving = true;
    await letArrive(config, this.#over.signal, (id) => {
      const at = (id - 1 - index) / config.workers;
      if (Number.isInteger(at)) attempts.push(this.#arrive(this.users[at]!));
    });
    await Promise.all(attempts);
    this.#isArriving = false;
    this.#endIfEmpty();
  }

  /** Expects everybody to receive whatever is sent from now on. */
  settle(): void {
    for (const user of this.users) {
      if (user.receiver) this.#ledgerOf(user).settle(user.receiver);
    }
  }

  /** Lets a user leave and come again; if it cannot, it has lost its connection. */
  async reconnect(user: User): Promise<void> {
    if (!user.connection) return;
    user.isChurning = true;
    this.summary.addClose(await leave(user.connection));
    if (await this.#connect(user)) {
      this.churned++;
      const receiver = user.receiver!;
      delay(SETTLE_MS, this.#over.signal).then(() => this.ledger.settle(receiver));
    } else if (!this.#over.signal.aborted) this.summary.lost++;
    user.isChurning = false;
    this.#endIfEmpty();
  }

  /** Lets the slow readers read what has piled up. */
  wakeSlowReaders(): void {
    for (const { isSlow, connection } of this.users) if (isSlow) connection?.resume();
  }

  /** Gives up connecting. */
  stop(): void {
    this.#over.abort();
    this.#handshakes.forEach((handshake) => handshake.abort());
  }

  /** Lets everybody leave. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    this.stop();
    await Promise.all(this.users.map(async ({ connection, isSlow }) => {
      if (!connection) return;
      const close = await leave(connection);
      if (!isSlow) this.summary.addClose(close);
    }));
  }

  /** How many messages of this run have come, for whatever they count. */
  get ownCount(): number {
    return this.ledger.ownCount + this.#slowLedger.ownCount;
  }

  /** How many deliveries are still to come, to slow readers too. */
  get outstanding(): number {
    return this.ledger.outstanding + this.#slowLedger.outstanding;
  }

  /** How the slow readers have fared so far. */
  get slowReaders(): SlowReaders {
    return {
      count: this.users.filter(({ isSlow }) => isSlow).length,
      closeCodes: new Map(this.#slowCloses),
      ledger: this.#slowLedger.counts,
    };
  }

  async #arrive(user: User): Promise<void> {
    if (await this.#connect(user)) this.summary.opened++;
  }

  /** Opens a user's connection. @returns Whether it is open; nothing is expected to come on it before it is settled. */
  async #connect(user: User): Promise<boolean> {
    const { target, config } = this.#options;
    const ledger = this.#ledgerOf(user);
    const receiver = ledger.join(user.sender);
    const handshake = new AbortController();
    if (this.#over.signal.aborted) handshake.abort();
    this.#handshakes.add(handshake);
    const startMs = this.#clock.nowMs;
    const onDelivered = user.isSlow ? () => {} : this.#listener.onDelivered;
    const attempt = await connect(target, {
      timeoutMs: config.connectTimeoutMs,
      signal: handshake.signal,
      clock: this.#clock,
      isPaused: user.isSlow,
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
    attempt.connection.closed.then((close) => {
      user.connection = undefined;
      ledger.leave(receiver);
      this.connections--;
      if (!this.#isLeaving && !user.isChurning) this.#lost(user, close);
    });
    return true;
  }

  #lost({ isSlow }: User, close: CloseStatus): void {
    if (isSlow) increment(this.#slowCloses, close.code);
    else {
      this.summary.addClose(close);
      this.summary.lost++;
      this.#listener.onNotice(
        `A connection ended with ${close.code} ${printable(close.reason)}`.trimEnd(),
      );
    }
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#isArriving || this.connections > 0) return;
    if (!this.users.some(({ isChurning }) => isChurning)) this.#over.abort();
  }

  #ledgerOf({ isSlow }: User): DeliveryLedger {
    return isSlow ? this.#slowLedger : this.ledger;
  }
}
