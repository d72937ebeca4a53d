import { LogBudget } from "../../lib/chat/log_budget.ts";

/** A budget for tests of a log on its own. */
export const AMPLE_BUDGET = new LogBudget(Infinity, () => {});
