import { getLogger } from "@logtape/logtape";
import { setImmediate } from "node:timers";
import { OPEN_ACCESS } from "../../lib/chat/access.ts";
import type { Backplane } from "../../lib/chat/backplane.ts";
import { Chat } from "../../lib/chat/chat.ts";
import type { ChatConfig } from "../../lib/chat/chat_options.ts";
import type { AckMessage, ServerMessage, WelcomeMessage } from "../../lib/chat/chorus_v1.ts";
import type { CloseCode } from "../../lib/chat/close_code.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import type { JoinRequest, MemberHolder } from "../../lib/chat/join_request.ts";
import { toBody } from "../../lib/chat/log/frames.ts";
import type { Member } from "../../lib/chat/members/member.ts";
import type { Body } from "../../lib/chat/message.ts";
import { eachFrame, OPCODE } from "../../lib/websocket/frame.ts";

/** How long a test waits for what must come. */
export const PATIENCE_MS = 10_000;

const CONFIG: ChatConfig & { readonly maxMessageBytes: number } = {
  binary: true,
  echo: false,
  greeting: "",
  logMessages: false,
  slowReader: "close",
  logRetentionBytes: 1_000_000,
  maxLogBytes: 1_000_000_000,
  maxRooms: 100,
  maxRoomMembers: 0,
  maxMessageBytes: 65_536,
  messageRate: 0,
  byteRate: 0,
  rateBurstMs: 1000,
  ratePolicy: "pace",
  historyMessages: 0,
};

const encoder = new TextEncoder();

/** A chat without sockets. Its timers end with it. */
export class TestChat implements Disposable {
  readonly chat: Chat;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  constructor(backplane?: Backplane, overrides: Partial<ChatConfig> = {}) {
    this.chat = new Chat({ ...CONFIG, ...overrides }, {
      logger: getLogger("test"),
      history: undefined,
      backplane,
      defer: queueMicrotask,
      deferTurn: setImmediate,
      startTimer: (run, ms) => this.#startTimer(run, ms),
      startInterval: () => () => {},
      verifyToken: () => ({ message: "no tokens" }),
      readMs: Date.now,
      monotonicMs: () => performance.now(),
      ageLimit: { range: ANY_AGE },
    });
  }

  /** Joins a room, by default with `chorus.v1`. */
  join(roomName: string, request: Partial<JoinRequest> = {}): TestMember {
    return new TestMember(this.chat, {
      ...{ roomName, name: null, format: "chorus.v1", protocol: undefined },
      ...{ session: undefined, echo: false, ...request },
    });
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #startTimer(run: () => void, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, ms);
    this.#timers.add(timer);
  }
}

/** A frame that a member has got. */
export type Received = ServerMessage | { readonly type: "plain"; readonly body: Body };

/** A member of a {@linkcode TestChat}, and what it has got. */
export class TestMember implements MemberHolder {
  readonly received: Received[] = [];
  member: Member | undefined;
  closeStatus: CloseCode | undefined;
  readonly #chat: Chat;
  readonly #isPlain: boolean;
  readonly #waiting = new Set<() => void>();

  constructor(chat: Chat, request: JoinRequest) {
    this.#chat = chat;
    this.#isPlain = request.format === "plain";
    const deliver = (frames: Uint8Array) => {
      this.#onFrames(frames);
      return true;
    };
    const sender = { deliver, sendFrames: deliver };
    const wire = { sender, close: (status: CloseCode) => this.#close(status) };
    const id = crypto.randomUUID();
    const connection = { id, wire, access: OPEN_ACCESS, address: "", requestId: undefined };
    chat.join(connection, request, this);
  }

  get welcome(): WelcomeMessage {
    return this.of("welcome")[0]!;
  }

  /** The bodies of the messages that came. */
  get bodies(): Body[] {
    return this.received.flatMap((each) => {
      if (each.type === "plain") return [each.body];
      if (each.type !== "said") return [];
      return ["text" in each ? each.text : Uint8Array.fromBase64(each.binary)];
    });
  }

  /** What came of a type. */
  of<T extends Received["type"]>(type: T): (Received & { readonly type: T })[] {
    return this.received.filter((each): each is Received & { readonly type: T } =>
      each.type === type
    );
  }

  say(text: string, id?: string): void {
    this.send(JSON.stringify({ type: "say", text, ...(id === undefined ? {} : { id }) }));
  }

  send(body: Body): void {
    const isText = typeof body === "string";
    const bytes = isText ? encoder.encode(body) : body;
    const opcode = isText ? OPCODE.text : OPCODE.binary;
    this.#chat.receive(this.member!, opcode, bytes, 0, bytes.length);
  }

  /** Waits until something is so. It is checked whenever the member gets something. */
  async until(condition: (member: TestMember) => unknown): Promise<this> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!condition(this)) return;
        this.#waiting.delete(check);
        resolve();
      };
      timer = setTimeout(() => {
        const got = JSON.stringify(this.received.slice(-20));
        reject(new Error(`Never so: ${condition}, closed: ${this.closeStatus?.code}, got: ${got}`));
      }, PATIENCE_MS);
      this.#waiting.add(check);
      check();
    }).finally(() => clearTimeout(timer));
    return this;
  }

  /** Waits until the member has been welcomed. */
  async welcomed(): Promise<this> {
    return await this.until(({ welcome }) => welcome);
  }

  /** Waits for so many messages, and returns the bodies of all that came. */
  async heard(count: number): Promise<Body[]> {
    return (await this.until(({ bodies }) => bodies.length >= count)).bodies;
  }

  /** Waits for the ack of the message with an id. */
  async acked(id: string): Promise<AckMessage> {
    const find = () => this.of("ack").find((ack) => ack.id === id);
    await this.until(find);
    return find()!;
  }

  /** Leaves the chat. */
  leave(): void {
    if (this.member) this.#chat.leave(this.member);
  }

  #onFrames(frames: Uint8Array): void {
    for (const { opcode, payload } of eachFrame(frames)) {
      const body = toBody(opcode, payload.slice());
      this.received.push(
        this.#isPlain ? { type: "plain", body } : JSON.parse(body as string) as ServerMessage,
      );
    }
    this.#check();
  }

  #close(status: CloseCode): void {
    this.closeStatus ??= status;
    this.leave();
    this.#check();
  }

  #check(): void {
    for (const check of [...this.#waiting]) check();
  }
}
