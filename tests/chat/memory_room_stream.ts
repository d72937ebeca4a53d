import type {
  RoomListener,
  RoomStream,
  StreamedMessage,
  StreamPage,
  StreamPublication,
} from "../../lib/chat/backplane.ts";
import { HistoryUnavailableError } from "../../lib/chat/history/history.ts";
import { toBody } from "../../lib/chat/log/frames.ts";
import type { PresentMember } from "../../lib/chat/presence.ts";
import type { MemoryBackplane } from "./memory_backplane.ts";
import { type Flush, type MemoryProcess, SEQS_PER_FLUSH } from "./memory_stream.ts";

/** How many messages a room starts with, if there are so many. */
const TAIL_MESSAGES = 100;

/** A room of a {@linkcode MemoryBackplane}. */
export class MemoryRoomStream implements RoomStream {
  readonly name: string;
  readonly listener: RoomListener;
  readonly #backplane: MemoryBackplane;
  #isOpen = false;
  /** The newest flush of the stream when the room was opened. */
  #openedAt = 0;
  /** The newest message that has arrived. */
  #headSeq = 0;
  #held: StreamPublication[] = [];
  /** For each held message, the newest message that had arrived when it was published. */
  #heldAfter: number[] = [];
  #inFlight: readonly StreamPublication[] = [];
  #backlog: PromiseWithResolvers<void> | undefined;
  /** The members of each other process, by id. */
  readonly #remote = new Map<MemoryProcess, Map<string, PresentMember>>();

  constructor(name: string, backplane: MemoryBackplane, listener: RoomListener) {
    this.name = name;
    this.#backplane = backplane;
    this.listener = listener;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get receivedSeq(): number {
    return this.#backplane.receivedSeq;
  }

  get hasPending(): boolean {
    return this.#held.length + this.#inFlight.length > 0;
  }

  get backlog(): Promise<void> | undefined {
    if (!this.#isBackedUp) return undefined;
    return (this.#backlog ??= Promise.withResolvers()).promise;
  }

  publish(publication: StreamPublication): void {
    const { maxHeldBytes, refusesNew } = this.#backplane;
    if (refusesNew || this.#heldBytes + publication.bytes.length > maxHeldBytes) {
      return this.#refuse([publication]);
    }
    this.#held.push(publication);
    this.#heldAfter.push(this.#headSeq);
    this.#backplane.wake();
  }

  caughtUp(): Promise<void> {
    return this.#backplane.caughtUp();
  }

  // deno-lint-ignore require-await -- It may throw.
  async read(after: number, limit: number, maxLength: number): Promise<StreamPage> {
    const messages: StreamedMessage[] = [];
    let [lastSeq, length] = [after, 0];
    for (const message of this.#stored(this.#headSeq)) {
      if (messages.length === limit || length >= maxLength) break;
      if (message.seq <= after) continue;
      lastSeq = message.seq;
      if (message.duplicateOf !== undefined) continue;
      messages.push(message);
      length += toBody(message.opcode, message.payload).length;
    }
    const hasGap = this.#backplane.stream.hasRemovedAfter(this.name, after);
    return { messages, lastSeq, hasGap };
  }

  // deno-lint-ignore require-await -- It may throw.
  async readBefore(upTo: number, limit: number): Promise<readonly StreamedMessage[]> {
    return this.#stored(upTo).filter(({ duplicateOf }) => duplicateOf === undefined).slice(-limit);
  }

  async delete(): Promise<void> {
    this.#checkOutage();
    this.#backplane.stream.delete(this.name);
    await this.caughtUp();
  }

  tellPresence(joined: readonly PresentMember[], left: readonly PresentMember[]): void {
    const { stream } = this.#backplane;
    stream.push({ type: "presence", room: this.name, from: this.#backplane, joined, left });
  }

  close(): void {
    this.#backplane.close(this.name, this);
  }

  tryOpen(): void {
    const { stream } = this.#backplane;
    if (stream.openError) {
      this.close();
      return this.listener.onOpenFailed(stream.openError);
    }
    const flushes = stream.flushesOf(this.name);
    const tail: StreamedMessage[] = [];
    let first = flushes.length;
    while (first > 0 && tail.length < TAIL_MESSAGES) tail.unshift(...flushes[--first]!.messages);
    this.#isOpen = true;
    this.#openedAt = stream.lastFlush;
    this.#headSeq = flushes.at(-1)?.lastSeq ?? 0;
    this.listener.onOpened({ headSeq: this.#headSeq, tail, hasOlder: first > 0 });
    for (const process of stream.processes) {
      if (process === this.#backplane) continue;
      const members = process.listenerOf(this.name)?.localMembers;
      if (members) this.onPresence(process, [...members], []);
    }
  }

  /** Puts the messages that are held in the stream, unless others are under way. */
  flush(): void {
    const { stream } = this.#backplane;
    const isReady = this.#isOpen && this.#inFlight.length === 0 && this.#held.length > 0;
    if (!isReady || !stream.takesMessages) return;
    this.#inFlight = this.#held.splice(0, SEQS_PER_FLUSH);
    const [after] = this.#heldAfter.splice(0, SEQS_PER_FLUSH);
    stream.append(this.name, this.#inFlight, { from: this.#backplane, after: after! });
  }

  onFlush(flush: Flush): void {
    const { after, lastSeq, from, messages, own } = flush;
    if (lastSeq <= this.#headSeq || !this.#backplane.stream.flushes.includes(flush)) return;
    const isGap = after > this.#headSeq && after / SEQS_PER_FLUSH > this.#openedAt;
    if (isGap) this.listener.onGap(this.#headSeq, after);
    this.#headSeq = lastSeq;
    const isOwn = from === this.#backplane;
    if (isOwn) this.#inFlight = [];
    if (isOwn) this.listener.onMessages(messages, own);
    else this.listener.onMessages(messages);
    this.#updateBacklog();
  }

  onPresence(
    from: MemoryProcess,
    joined: readonly PresentMember[],
    left: readonly PresentMember[],
  ): void {
    let known = this.#remote.get(from);
    if (!known) this.#remote.set(from, known = new Map());
    const added: PresentMember[] = [];
    const removed: PresentMember[] = [];
    for (const member of joined) {
      const before = known.get(member.id);
      if (before?.name === member.name) continue;
      if (before) removed.push(before);
      added.push(member);
      known.set(member.id, member);
    }
    for (const { id } of left) {
      const before = known.get(id);
      if (before) removed.push(before);
      known.delete(id);
    }
    if (added.length > 0) this.listener.onJoined(added);
    if (removed.length > 0) this.listener.onLeft(removed);
  }

  /** Refuses what is held: it does not come back. */
  refuseAll(): void {
    const refused = [...this.#inFlight, ...this.#held];
    this.#inFlight = [];
    this.#held = [];
    this.#heldAfter = [];
    this.#updateBacklog();
    if (refused.length > 0) this.#refuse(refused);
  }

  #refuse(publications: readonly StreamPublication[]): void {
    this.#backplane.counters.refused += publications.length;
    this.listener.onRefused(publications);
  }

  get #heldBytes(): number {
    return [...this.#inFlight, ...this.#held].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  get #isBackedUp(): boolean {
    const { outage, maxHeldBytes } = this.#backplane;
    return outage === undefined && this.#heldBytes > maxHeldBytes / 4;
  }

  #updateBacklog(): void {
    if (this.#isBackedUp) return;
    this.#backlog?.resolve();
    this.#backlog = undefined;
  }

  /** The stored messages up to a sequence number. */
  #stored(upTo: number): StreamedMessage[] {
    this.#checkOutage();
    const messages = this.#backplane.stream.flushesOf(this.name).flatMap((each) => each.messages);
    return messages.filter(({ seq }) => seq <= upTo);
  }

  #checkOutage(): void {
    const { outage } = this.#backplane;
    if (outage !== undefined) throw new HistoryUnavailableError(outage);
  }
}
