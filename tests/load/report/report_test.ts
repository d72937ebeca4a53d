import { assertEquals } from "@std/assert";
import { jsonReport, textReport } from "../../../lib/load/report/report.ts";
import { NO_ANSWER, Summary } from "../../../lib/load/measure/summary.ts";

const FACTS = { url: "ws://h/ws", count: 4, elapsedMs: 20_040, isInterrupted: false };

function busySummary(): Summary {
  const summary = new Summary();
  Object.assign(summary, { opened: 2, sent: 25, received: 200, reconnected: 1 });
  summary.addFailure({ cause: "HTTP 503" });
  summary.addFailure({ cause: "HTTP 503" });
  summary.addLoss({ code: 1001, reason: "going away" });
  summary.addLoss({ code: 1006, reason: "the server stopped answering" });
  summary.addLeave({ code: 1000, reason: "" });
  summary.addLeave({ code: 1006, reason: "" });
  return summary;
}

Deno.test("textReport() shows failures, lost connections, and close codes", () => {
  assertEquals(
    textReport(busySummary(), FACTS),
    `Summary of 20.0 s at ws://h/ws
  opened       2 of 4
  failed       2: 2 × HTTP 503
  lost         3: ${
      ["closed with 1001", "the server stopped answering", "no close frame"]
        .map((cause) => `1 × ${cause}`).join(", ")
    }; 1 reconnected, 2 still disconnected
  sent         25
  received     200
  close codes  1 × 1001, 2 × 1006, 1 × 1000`,
  );
});

Deno.test("textReport() shows that nothing happened", () => {
  assertEquals(
    textReport(new Summary(), FACTS),
    `Summary of 20.0 s at ws://h/ws
  opened       0 of 4
  failed       0
  not opened   4
  lost         0
  sent         0
  received     0
  close codes  none`,
  );
});

Deno.test("jsonReport() has its version and every count", () => {
  assertEquals(JSON.parse(jsonReport(busySummary(), FACTS)), {
    version: 2,
    url: "ws://h/ws",
    elapsedMs: 20_040,
    interrupted: false,
    connections: {
      count: 4,
      opened: 2,
      failed: 2,
      failures: { "HTTP 503": 2 },
      lost: 3,
      losses: { "closed with 1001": 1, "the server stopped answering": 1, "no close frame": 1 },
      cameBack: 1,
      closeCodes: { 1000: 1, 1001: 1, 1006: 2 },
    },
    messages: { sent: 25, received: 200 },
  });
});

Deno.test("Summary.isClean() requires that all users connected, none is disconnected, and the server answered", () => {
  const clean = new Summary();
  Object.assign(clean, { opened: 2, reconnected: 1 });
  clean.addLoss({ code: 1001, reason: "" });
  const disconnected = new Summary();
  Object.assign(disconnected, { opened: 2 });
  disconnected.addLeave({ code: 1006, reason: "the server did not answer the close frame" });
  const unfinished = new Summary();
  Object.assign(unfinished, { opened: 1 });
  const silent = new Summary();
  Object.assign(silent, { opened: 2, reconnected: 1 });
  silent.addLoss({ code: 1006, reason: NO_ANSWER });
  assertEquals([clean, disconnected, unfinished, silent].map((each) => each.isClean(2)), [
    true,
    false,
    false,
    false,
  ]);
});
