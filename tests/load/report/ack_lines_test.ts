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

Deno.test("ackJson() has the counts, and the errors by code", () => {
  const errors = { "HTTP 429": 2, "HTTP 413": 1 };
  assertEquals(ackJson({ acks }), { acked: 7, refused: 3, unanswered: 0, errors });
});

Deno.test("ackLines() and ackJson() have nothing if the server does not answer", () => {
  assertEquals([ackLines({ acks: undefined }), ackJson({ acks: undefined })], [[], undefined]);
});
