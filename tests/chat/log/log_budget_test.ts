import { assert, assertEquals } from "@std/assert";
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
  for (const log of logs) {
    const bytes = budget.bytes.get(log)!;
    assert(bytes > 4096, `a log was left ${bytes} bytes of its share of 10,000`);
  }
});

Deno.test("a LogBudget takes the memory of a log that is no longer used, down to its share", () => {
  const budget = new OpenBudget();
  const [old, busy] = logsOf(budget, 2) as [MessageLog, MessageLog];
  append(old, 9000);
  const before = budget.bytes.get(old)!;
  append(busy, 9000);
  assert(before > 800_000, `${before} bytes`);
  for (const bytes of budget.bytes.values()) {
    assert(bytes > 250_000 && bytes < 750_000, `${bytes} bytes`);
  }
  assertEquals([old.headSeq, busy.headSeq], [9000, 9000]);
  assert(old.seqBefore > 0 && old.read(old.start, old.head).length > 0);
});

Deno.test("a LogBudget forgets the memory of a log that is disposed", () => {
  const budget = new OpenBudget();
  const [one, other] = logsOf(budget, 2) as [MessageLog, MessageLog];
  append(one, 7000);
  one.dispose();
  append(other, 7000);
  assertEquals([budget.isOver, other.seqBefore], [false, 0]);
});
