import type { MessageName, ReceiverPlan, SeqRange } from "./receiver_plan.ts";
import type { SenderPlan } from "./text_check.ts";

/** The kinds of faults that are named. */
export type FaultKind =
  | "corrupt"
  | "duplicated"
  | "leaked"
  | "lost"
  | "misordered"
  | "reordered";

/** A fault of one delivery. */
export interface Fault {
  readonly kind: FaultKind;
  /** A sentence that names the message, its sender, and its receiver. */
  readonly text: string;
}

/** How many faults of each kind are named. The others are only counted. */
const MAX_NAMED = 5;

/** The first faults of each kind, in the order of their kinds' names. */
export function firstOfEachKind(faults: readonly Fault[]): readonly Fault[] {
  const byKind = [...Map.groupBy(faults, ({ kind }) => kind)];
  return byKind.toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([, ofKind]) => ofKind.slice(0, MAX_NAMED));
}

/** Names the first faults of each kind. */
export class FaultLog {
  readonly #senders: readonly SenderPlan[];
  readonly #faults: Fault[] = [];

  /** @param senders The senders of the run, by index. */
  constructor(senders: readonly SenderPlan[]) {
    this.#senders = senders;
  }

  /** Adds a fault, unless enough of its kind are named. */
  add(kind: FaultKind, text: () => string): void {
    if (!this.isFull(kind)) this.#faults.push({ kind, text: text() });
  }

  /** Adds a fault of a delivery. See {@linkcode sentence}. */
  addDelivery(
    kind: FaultKind,
    receiver: ReceiverPlan,
    message: MessageName,
    how: () => string,
  ): void {
    this.add(kind, () => this.sentence(receiver, message, how()));
  }

  /** Adds messages that did not arrive. */
  addLost({ id }: ReceiverPlan, { sender, from, until }: SeqRange): void {
    this.add("lost", () => {
      const last = this.nameOf({ sender, seq: until - 1 });
      return until - from === 1
        ? `Message ${last} did not arrive at user ${id}`
        : `Messages ${from + 1} to ${last} did not arrive at user ${id}`;
    });
  }

  /** A sentence about a delivery. `how` completes it. */
  sentence({ id }: ReceiverPlan, message: MessageName, how: string): string {
    return `Message ${this.nameOf(message)} arrived at user ${id}${how}`;
  }

  /** Names a message by its number among those of its sender, from 1. */
  nameOf({ sender, seq }: MessageName): string {
    return `${seq + 1} of user ${this.#senders[sender]!.id}`;
  }

  /** Whether enough faults of a kind are named. */
  isFull(kind: FaultKind): boolean {
    return this.#faults.filter((fault) => fault.kind === kind).length >= MAX_NAMED;
  }

  get faults(): readonly Fault[] {
    return firstOfEachKind(this.#faults);
  }
}
