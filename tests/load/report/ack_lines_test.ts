import { assertEquals } from "@std/assert";
import { ackJson, ackLines } from "../../../lib/load/report/ack_lines.ts";

const acks = {
  acked: 7,
  refused: 3,
  unanswered: 0,
  unknown: 0,
  unreached: undefined,
  unreachedNames: [],
  gaps: new Map(),
  errors: new Map([["HTTP 429", 2], ["HTTP 413", 1]]),
};

Deno.test("ackLines() prints the counts, and the errors by code", () => {
  assertEquals(ackLines({ acks }), [
    "Acks",
    "  acked        7",
    "  refused      3",
    "  unanswered   0",
    "  errors       2 × HTTP 429, 1 × HTTP 413",
  ]);
});

Deno.test("ackJson() has the counts, the errors by code, and the gaps by reason", () => {
  const gaps = new Map([["expired", { count: 2, missed: 5 }]]);
  assertEquals(ackJson({ acks: { ...acks, unknown: 1, gaps } }), {
    ...{ acked: 7, refused: 3, unanswered: 0, unknown: 1 },
    errors: { "HTTP 429": 2, "HTTP 413": 1 },
    gaps: { expired: { count: 2, missed: 5 } },
  });
});

Deno.test("ackLines() and ackJson() have nothing if the server does not answer", () => {
  assertEquals([ackLines({ acks: undefined }), ackJson({ acks: undefined })], [[], undefined]);
});
