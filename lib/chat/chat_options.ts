import type { Logger } from "@logtape/logtape";
import type { VerifyToken } from "./access.ts";
import type { AccessExpiryOptions } from "./access_expiry.ts";
import type { Backplane } from "./backplane.ts";
import type { AgeRange } from "./history/age_range.ts";
import type { History } from "./history/history.ts";
import type { RateConfig } from "./members/rate_limit.ts";
import type { SlowReaderPolicy } from "./room_member.ts";
import type { Scheduler } from "./scheduler.ts";

/** The configuration of a `Chat`. Each field is the server's flag of the same name. */
export interface ChatConfig extends RateConfig {
  readonly binary: boolean;
  readonly echo: boolean;
  readonly greeting: string;
  readonly logMessages: boolean;
  readonly slowReader: SlowReaderPolicy;
  readonly logRetentionBytes: number;
  readonly maxLogBytes: number;
  readonly maxRooms: number;
  readonly maxRoomMembers: number;
  readonly historyMessages: number;
}

/** What a `Chat` needs besides its configuration. */
export interface ChatOptions extends Scheduler, AccessExpiryOptions {
  readonly logger: Logger;
  /** A durable history; undefined if messages are in memory only, or in a stream. */
  readonly history: History | undefined;
  /** Makes several processes one chat; undefined for one process. */
  readonly backplane?: Backplane | undefined;
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs: () => number;
  /** Decides which messages are too old. */
  readonly ageLimit: { readonly range: AgeRange };
  /** Verifies the token with which a member renews its access. */
  readonly verifyToken: VerifyToken;
}
