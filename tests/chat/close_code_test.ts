import { assertEquals } from "@std/assert";
import { CLOSE_CODES, shouldReconnect } from "../../lib/chat/close_code.ts";

Deno.test("CLOSE_CODES lists each code once", () => {
  const codes = Object.values(CLOSE_CODES).map(({ code }) => code);
  assertEquals(new Set(codes).size, codes.length);
});

const CASES: readonly [code: number, reconnects: boolean][] = [
  [1000, false],
  [1001, true],
  [1003, false],
  [1006, true],
  [4999, true],
];

for (const [code, reconnects] of CASES) {
  Deno.test(`shouldReconnect() returns ${reconnects} for ${code}`, () => {
    assertEquals(shouldReconnect(code), reconnects);
  });
}
