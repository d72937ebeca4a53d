import { toBody } from "../../chat/log/frames.ts";
import { eachFrame } from "../../websocket/frame.ts";

type Message = string | Uint8Array<ArrayBuffer>;

/**
 * Takes pieces of the log apart into messages, as Deno's `WebSocket.send` wants them. In one sweep nearly all members are
 * served the same piece, so the last one is kept.
 */
export class FrameDecoder {
  #frames: Uint8Array | undefined;
  #messages: readonly Message[] = [];

  decode(frames: Uint8Array): readonly Message[] {
    const isLast = this.#frames?.buffer === frames.buffer &&
      this.#frames.byteOffset === frames.byteOffset &&
      this.#frames.byteLength === frames.byteLength;
    if (!isLast) {
      this.#frames = frames;
      this.#messages = Array.from(eachFrame(frames), ({ opcode, payload }) => {
        const body = toBody(opcode, payload);
        return typeof body === "string" ? body : body.slice();
      });
    }
    return this.#messages;
  }
}
