import { assert, assertEquals } from "@std/assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type BudgetedLog, LogBudget } from "../../../lib/chat/log/log_budget.ts";
import { MessageLog } from "../../../lib/chat/log/message_log.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";

const MESSAGE = new Uint8Array(100);

/** A budget of a million bytes that shows what each log uses. */
class OpenBudget extends LogBudget {
  readonly bytes = new Map<BudgetedLog, number>();

  constructor() {
    super(1_000_000, () => {});
  }

  override add(log: BudgetedLog, bytes: number): void {
    this.bytes.set(log, (this.bytes.get(log) ?? 0) + bytes);
    super.add(log, bytes);
  }

  get totalBytes(): number {
    return this.bytes.values().reduce((sum, bytes) => sum + bytes, 0);
  }
}

function logsOf(budget: LogBudget, count: number): MessageLog[] {
  return Array.from({ length: count }, () => new MessageLog({ retentionBytes: 2 ** 30, budget }));
}

function append(log: MessageLog, count: number): void {
  for (let index = 0; index < count; index++) log.append(OPCODE.text, MESSAGE, 0, MESSAGE.length);
}

Deno.test("MessageLogs that share a LogBudget do not outgrow it together", () => {
  const budget = new OpenBudget();
  const logs = logsOf(budget, 100);
  let mostBytes = 0;
  for (let count = 0; count < 2000; count++) {
    for (const log of logs) append(log, 1);
    mostBytes = Math.max(mostBytes, budget.totalBytes);
  }
  // The newest chunk of a log stays, and may be larger than its share.
  assert(mostBytes < 1_250_000, `${mostBytes} bytes`);
});

Deno.test("a LogBudget takes the memory of a log that is no longer used, down to its share", () => {
  const budget = new OpenBudget();
  const [old, busy] = logsOf(budget, 2) as [MessageLog, MessageLog];
  append(old, 7000);
  assertEquals(old.seqBefore, 0);
  append(busy, 9000);
  for (const { start, head } of [old, busy]) {
    const bytes = head - start;
    assert(bytes > 150_000 && bytes < 750_000, `${bytes} of 500,000 bytes are retained`);
  }
  assertEquals([old.headSeq, busy.headSeq], [7000, 9000]);
  assert(old.seqBefore > 0 && old.read(old.start, old.head).length > 0);
});

Deno.test("a MessageLog above its share is not emptied", () => {
  const budget = new OpenBudget();
  const logs = logsOf(budget, 4);
  for (let count = 0; count < 40_000; count++) {
    append(logs[count % 4]!, 1);
    if (count < 20_000) continue;
    for (const { start, head } of logs) {
      assert(head - start > 125_000, `${head - start} of 250,000 bytes are retained`);
    }
  }
});

Deno.test("a LogBudget forgets the memory of a log that is disposed", () => {
  const budget = new OpenBudget();
  const [one, other] = logsOf(budget, 2) as [MessageLog, MessageLog];
  append(one, 7000);
  one.dispose();
  append(other, 7000);
  assertEquals([budget.isOver, other.seqBefore], [false, 0]);
});

/** Fills logs until the budget is exceeded, and removes them. */
function removedLogs(budget: LogBudget): WeakRef<MessageLog>[] {
  const logs = logsOf(budget, 100);
  for (const log of logs) append(log, 1);
  append(logs[0]!, 20_000);
  for (const log of logs) log.dispose();
  return logs.map((log) => new WeakRef(log));
}

Deno.test("LogBudget retains no log that was removed", async () => {
  const budget = new LogBudget(1_000_000, () => {});
  const removed = [budget, budget, budget].flatMap(removedLogs);
  // A WeakRef retains its target until the end of the turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  assertEquals(removed.filter((each) => each.deref()).length, 0);
});
