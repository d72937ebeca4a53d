import { LogBudget } from "../../lib/chat/log/log_budget.ts";
import type { RoomOptions } from "../../lib/chat/room.ts";

/** A budget for tests of a log on its own. */
export const AMPLE_BUDGET = new LogBudget(Infinity, () => {});

/** What most rooms of tests are made of: nothing is kept but in memory, no turn and no timer runs, and the time stands. */
export const ROOM_OPTIONS: RoomOptions = {
  logRetentionBytes: 1_000_000,
  budget: AMPLE_BUDGET,
  durable: undefined,
  historyMessages: 0,
  historyAgeMs: 0,
  onHistoryFault: (error) => {
    throw error;
  },
  onForgettable: () => {},
  slowReader: "close",
  echo: false,
  onSlowReader: () => {},
  defer: () => {},
  startTimer: () => {},
  now: () => 0,
};
