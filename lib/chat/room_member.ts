import type { CloseCode } from "./close_code.ts";
import type { BroadcastReader } from "./log/broadcast.ts";
import type { Author, PublishOutcome } from "./message.ts";

/** What a log contains: `plain` is the texts alone, `chorus` is the messages of `chorus.v1`. */
export type WireFormat = "plain" | "chorus";

/** A member as its room sees it. */
export interface RoomMember extends BroadcastReader {
  readonly id: string;
  readonly author: Author & { readonly id: string };
  readonly format: WireFormat;
  /** Whether it is served the messages that it publishes itself. */
  readonly echo: boolean;
  /** Whether it has left the room. */
  readonly isGone: boolean;
  /** Closes the connection. When this returns, the member has left the room. */
  close(status: CloseCode): void;
  /** Stops serving the member. Returns false if it had been stopped before. */
  stop(): boolean;
  /**
   * Prevents a message that the member has just published from being served to it.
   *
   * @param start Where the message starts in the log of the member's format.
   * @param end Where it ends there.
   */
  skipOwn(start: number, end: number, seq: number): void;
  /** Called when a message of the member is not stored, if nobody waits for the outcome. */
  onRefused(): void;
}

/** What happens to a reader that falls out of the log: it is closed with 4008, or skips ahead. */
export type SlowReaderPolicy = "close" | "skip";

/** How to publish a text. */
export interface PublishOptions {
  readonly id?: string | undefined;
  /** The member that publishes, which is not served the message. */
  readonly publisher?: RoomMember | undefined;
  /** Called with the outcome: at once, or when the message has come back from the stream. */
  readonly onPublished?: ((outcome: PublishOutcome) => void) | undefined;
}
