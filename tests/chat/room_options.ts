import { ChatCounters } from "../../lib/chat/counters.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { LogBudget } from "../../lib/chat/log/log_budget.ts";
import type { AccessRenewal } from "../../lib/chat/members/chorus_member.ts";
import type { RoomOptions } from "../../lib/chat/room.ts";

/** A budget for tests of a log on its own. */
export const AMPLE_BUDGET = new LogBudget(Infinity, () => {});

/**
 * Options for most rooms in tests: messages in memory only, no deferred function or timer runs, and
 * time stands still.
 */
export const ROOM_OPTIONS: RoomOptions = {
  logRetentionBytes: 1_000_000,
  budget: AMPLE_BUDGET,
  counters: new ChatCounters(() => 0),
  durable: undefined,
  historyMessages: 0,
  ageLimit: { range: ANY_AGE },
  onError: (error) => {
    throw error;
  },
  onForgettable: () => {},
  slowReader: "close",
  echo: false,
  onSlowReader: () => {},
  defer: () => {},
  deferTurn: () => {},
  startTimer: () => {},
  now: () => 0,
};

/** For members in tests that get no new access. */
export const NO_RENEWAL: AccessRenewal = {
  verifyToken: () => ({ message: "This test has no tokens" }),
  onRenewed: () => null,
};
