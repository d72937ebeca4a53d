import { assertEquals } from "@std/assert";
import { printable } from "../../lib/cli/printable.ts";

const CASES: readonly [text: string, printed: string][] = [
  ["plain, Grüße 世界 👋", "plain, Grüße 世界 👋"],
  ["two\nlines\r\n", "two\\nlines\\r\\n"],
  ["\x1b[2Jcleared", "\\x1b[2Jcleared"],
  ["\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"],
  ["\u2028\u2029", "\\u2028\\u2029"],
];

for (const [text, printed] of CASES) {
  Deno.test(`printable() makes one printable line of ${JSON.stringify(text)}`, () => {
    assertEquals(printable(text), printed);
  });
}
