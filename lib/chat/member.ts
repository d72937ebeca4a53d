import type { CloseCode } from "./close_code.ts";
import type { Cursor } from "./message_log.ts";

/** A connection in a room, as the room sees it, whatever engine serves it. */
export interface Member {
  /** A UUID, made when the connection was accepted. */
  readonly id: string;
  /** How far into the room's log the connection has been served. */
  readonly cursor: Cursor;
  /**
   * Sends whole frames out of the log.
   *
   * @param onDelivered Called when the connection can take more, or is gone, if that is later.
   * @returns Whether that is so already, and `onDelivered` not called.
   */
  deliver(frames: Uint8Array, onDelivered: () => void): boolean;
  /** Ends the connection. It is out of the registry and the room when this returns. */
  giveUp(verdict: CloseCode): void;
}
