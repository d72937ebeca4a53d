import type { DeliveryListener } from "../../websocket/sender.ts";
import type { CloseCode } from "../close_code.ts";

/** A connection as its member sees it. Each engine implements it. */
export interface Wire {
  readonly sender: FrameSender;
  /** Closes the connection. When this returns, its member has left the chat and the room. */
  close(status: CloseCode): void;
}

/** The sending half of a connection. */
export interface FrameSender {
  /**
   * Sends whole frames of the log. Only one delivery may be under way.
   *
   * @returns True if the connection can take more now; otherwise calls the listener later, when it
   * can take more or has ended.
   */
  deliver(frames: Uint8Array, listener: DeliveryListener): boolean;
  /**
   * Sends whole frames to this connection alone: after the delivery under way, and before the next.
   *
   * Acks rely on this order. A member counts a message as served as soon as the delivery has
   * *taken* it. If an ack could overtake the delivery under way, a client could see the position of
   * its ack before the messages up to it, and miss them if the connection broke between.
   */
  sendFrames(frames: Uint8Array<ArrayBuffer>): void;
}
