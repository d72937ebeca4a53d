import { toBody } from "../../chat/log/frames.ts";
import type { Body } from "../../chat/message.ts";
import { eachFrame } from "../../websocket/frame.ts";

/**
 * Decodes pieces of the log into the items that a connection sends, one for each frame.
 *
 * In one sweep nearly all members get the same piece, so the decoder caches the last one. All of
 * them share its items: callers must not change them.
 */
export class FrameDecoder<T> {
  readonly #toItem: (body: Body) => T;
  #frames: Uint8Array | undefined;
  #items: readonly T[] = [];

  /** @param toItem Converts one message body. A binary body is a view of the log: copy it. */
  constructor(toItem: (body: Body) => T) {
    this.#toItem = toItem;
  }

  decode(frames: Uint8Array): readonly T[] {
    const isCached = this.#frames?.buffer === frames.buffer &&
      this.#frames.byteOffset === frames.byteOffset &&
      this.#frames.byteLength === frames.byteLength;
    if (!isCached) {
      this.#frames = frames;
      this.#items = Array.from(
        eachFrame(frames),
        ({ opcode, payload }) => this.#toItem(toBody(opcode, payload)),
      );
    }
    return this.#items;
  }
}
