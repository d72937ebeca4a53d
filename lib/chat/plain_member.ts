import { OPCODE } from "../websocket/frame.ts";
import { encodeFrames } from "./log/frames.ts";
import { Member } from "./member.ts";
import type { Message } from "./message.ts";

/** A member without a subprotocol: what it sends is what the others get, with nothing added. */
export class PlainMember extends Member {
  readonly format = "plain";

  receive(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.room.publish(isText ? OPCODE.text : OPCODE.binary, bytes, start, end, this);
  }

  protected encode(messages: readonly Message[]): Uint8Array<ArrayBuffer> {
    return encodeFrames(messages.map(({ body }) => body));
  }
}
