import { assertEquals } from "@std/assert";
import { RowWindow } from "../../../lib/server/page/chat/row_window.js";
import { Timeline } from "../../../lib/server/page/chat/timeline.js";

Deno.test("RowWindow marks the entries whose rows it creates as shown", () => {
  const timeline = new Timeline();
  for (let count = 1; count <= 3; count++) {
    timeline.append({ kind: "gap", missedCount: count, reason: "too slow" });
  }
  const [first, second, third] = [timeline.first!, timeline.first!.next!, timeline.last!];
  const nothing = { append() {}, prepend() {}, replaceWith() {} } as never;
  const window = new RowWindow({ scroller: nothing, rows: nothing, createRow: () => nothing });
  window.append([second]);
  assertEquals([first, second, third].map(({ isShown }) => isShown), [false, true, false]);
  window.prepend([first]);
  assertEquals([first, second, third].map(({ isShown }) => isShown), [true, true, false]);
});
