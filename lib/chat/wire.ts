import type { CloseCode } from "./close_code.ts";

/** One connection as a member sees it, whatever engine serves it. */
export interface Wire {
  /**
   * Sends whole frames. Only one delivery may be under way.
   *
   * @param onDelivered Called when the connection can take more, or is gone, if that is later.
   * @returns Whether that is so already, and `onDelivered` not called.
   */
  deliver(frames: Uint8Array, onDelivered: () => void): boolean;
  /** Sends whole frames ahead of the next delivery. */
  sendFrames(frames: Uint8Array<ArrayBuffer>): void;
  /** Ends the connection. Its member is out of the registry and the room when this returns. */
  close(closeStatus: CloseCode): void;
}
