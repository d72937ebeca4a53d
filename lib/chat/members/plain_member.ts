import { OPCODE } from "../../websocket/frame.ts";
import { CLOSE_CODES } from "../close_code.ts";
import type { ReplayStart } from "../history/room_history.ts";
import { encodeFrames } from "../log/frames.ts";
import type { Message } from "../message.ts";
import { Member, type MemberOptions } from "./member.ts";

/** A member without a subprotocol: what it sends is what the others get, with nothing added. */
export class PlainMember extends Member {
  readonly format = "plain";
  readonly #greeting: string;

  /** @param greeting A text that the member gets first; "" for none. */
  constructor(options: MemberOptions, greeting = "") {
    super(options);
    this.#greeting = greeting;
  }

  enter({ after }: ReplayStart): void {
    if (this.#greeting !== "") this.sendFrames(encodeFrames([this.#greeting]));
    this.start(after);
  }

  receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    if (!this.mayPublish) return this.close(CLOSE_CODES.notPermitted);
    this.room.publish(isText ? OPCODE.text : OPCODE.binary, bytes, start, end, this);
  }

  /** A plain text client can be told only by a close. */
  onRefused(): void {
    this.close(CLOSE_CODES.notStored);
  }

  protected encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
    return encodeFrames(messages.map(({ body }) => body));
  }
}
