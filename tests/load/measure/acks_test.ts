import { assertEquals } from "@std/assert";
import { NO_ACKS, sumAcks } from "../../../lib/load/measure/acks.ts";

Deno.test("sumAcks() adds counts, and errors by code", () => {
  const sum = sumAcks([
    { ...NO_ACKS, acked: 1, refused: 2, errors: new Map([["HTTP 429", 2]]) },
    {
      ...NO_ACKS,
      acked: 3,
      refused: 1,
      unanswered: 1,
      errors: new Map([["HTTP 429", 1], ["HTTP 502", 1]]),
    },
  ]);
  const errors = new Map([["HTTP 429", 3], ["HTTP 502", 1]]);
  assertEquals(sum, { ...NO_ACKS, acked: 4, refused: 3, unanswered: 1, errors });
});
