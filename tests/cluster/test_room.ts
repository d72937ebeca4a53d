import { getLogger } from "@logtape/logtape";
import type {
  BackplaneProcess,
  RoomListener,
  RoomOpening,
  RoomStream,
  StreamedMessage,
  StreamPublication,
} from "../../lib/chat/backplane.ts";
import type { Author } from "../../lib/chat/message.ts";
import type { PresentMember } from "../../lib/chat/presence.ts";
import { NatsBackplane, type NatsBackplaneOptions } from "../../lib/cluster/nats_backplane.ts";
import { OPCODE } from "../../lib/websocket/frame.ts";

/** An author of messages in tests. */
export const ANN: Author = { id: "00000000-0000-4000-8000-00000000000a", name: "Ann" };

const encoder = new TextEncoder();

/** Returns a text to publish. */
export function publication(
  text: string,
  { id, author = ANN }: { id?: string; author?: Author } = {},
): StreamPublication {
  const bytes = encoder.encode(text);
  return { opcode: OPCODE.text, bytes, author, id, publisher: undefined, onPublished: undefined };
}

/** A backplane whose process counts what it is told. */
export class TestBackplane implements BackplaneProcess, AsyncDisposable {
  readonly backplane: NatsBackplane;
  outageChanges = 0;
  newEpochs = 0;
  readonly changed = new Changes();

  private constructor(backplane: NatsBackplane) {
    this.backplane = backplane;
    backplane.start(this);
  }

  /** Opens a backplane, and starts it. */
  static async open(
    servers: string | readonly string[],
    options: Partial<NatsBackplaneOptions> = {},
  ): Promise<TestBackplane> {
    const backplane = await NatsBackplane.open({
      servers: [servers].flat(),
      replicas: 1,
      historyMessages: 0,
      historyAgeMs: 0,
      maxHeldBytes: 16 * 1024 ** 2,
      presenceTtlMs: 10_000,
      logger: getLogger(["chorus", "test"]),
      ...options,
    });
    return new TestBackplane(backplane);
  }

  /** Opens a room, and waits until it is open. */
  async room(name: string): Promise<TestRoom> {
    return await new TestRoom(this.backplane, name).opened();
  }

  onOutageChange(): void {
    this.outageChanges++;
    this.changed.notify();
  }

  onNewEpoch(): void {
    this.newEpochs++;
    this.changed.notify();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backplane[Symbol.asyncDispose]();
  }
}

/** A room that remembers what it is told. */
export class TestRoom implements RoomListener {
  readonly stream: RoomStream;
  readonly localMembers: PresentMember[] = [];
  /** The members in other processes. */
  readonly remoteMembers = new Set<PresentMember>();
  headSeq: number | undefined;
  hasOlder: boolean | undefined;
  openError: Error | undefined;
  readonly tail: StreamedMessage[] = [];
  /** What came after the tail. */
  readonly messages: StreamedMessage[] = [];
  /** The texts that came back to their publisher. */
  readonly own: string[] = [];
  readonly gaps: number[] = [];
  readonly refused: string[] = [];
  deletions = 0;
  readonly changed = new Changes();

  constructor(backplane: NatsBackplane, room: string) {
    this.stream = backplane.open(room, this);
  }

  get localMemberCount(): number {
    return this.localMembers.length;
  }

  /** The texts of the tail and of what came after it, without duplicates. */
  get texts(): string[] {
    const all = [...this.tail, ...this.messages];
    return all.filter(({ duplicateOf }) => duplicateOf === undefined).map(textOf);
  }

  /** Resolves when the room is open. */
  async opened(): Promise<this> {
    await this.changed.until(() => this.headSeq !== undefined || this.openError !== undefined);
    if (this.openError) throw this.openError;
    return this;
  }

  /** Resolves when so many messages have come, those of the tail included. */
  async received(count: number): Promise<void> {
    await this.changed.until(() => this.tail.length + this.messages.length >= count);
  }

  publish(...texts: string[]): void {
    for (const text of texts) this.stream.publish(publication(text));
  }

  onOpened({ headSeq, tail, hasOlder }: RoomOpening): void {
    this.headSeq = headSeq;
    this.hasOlder = hasOlder;
    this.tail.push(...tail);
    this.changed.notify();
  }

  onOpenFailed(error: Error): void {
    this.openError = error;
    this.changed.notify();
  }

  onMessages(messages: readonly StreamedMessage[], own?: readonly StreamPublication[]): void {
    this.messages.push(...messages);
    if (own) this.own.push(...own.map(textOfPublication));
    this.changed.notify();
  }

  onGap(_after: number, upTo: number): void {
    this.gaps.push(upTo);
    this.changed.notify();
  }

  onRefused(publications: readonly StreamPublication[]): void {
    this.refused.push(...publications.map(textOfPublication));
    this.changed.notify();
  }

  onDeleted(): void {
    this.deletions++;
    this.changed.notify();
  }

  onJoined(members: readonly PresentMember[]): void {
    for (const member of members) this.remoteMembers.add(member);
    this.changed.notify();
  }

  onLeft(members: readonly PresentMember[]): void {
    for (const member of members) this.remoteMembers.delete(member);
    this.changed.notify();
  }
}

/** The text of a message. */
export function textOf({ payload }: StreamedMessage): string {
  return new TextDecoder().decode(payload);
}

function textOfPublication({ bytes }: StreamPublication): string {
  return new TextDecoder().decode(bytes);
}

/** How long a test waits for what must come. NATS may need 20 seconds to have a leader. */
const PATIENCE_MS = 60_000;

/** Waits for conditions that change at known moments. */
export class Changes {
  #change = Promise.withResolvers<void>();

  notify(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async until(isTrue: () => boolean): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`Never so: ${isTrue}`)), PATIENCE_MS);
    try {
      while (!isTrue()) await Promise.race([this.#change.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
