import { assertEquals } from "@std/assert";
import { LiveLine } from "../../lib/cli/live_line.ts";

function liveLine(isTerminal: boolean) {
  const written: string[] = [];
  const line = new LiveLine({
    isTerminal,
    columns: () => 10,
    write: (text) => written.push(text),
  });
  return { line, written };
}

Deno.test("LiveLine on a terminal replaces its text, fits the width, and stays last", () => {
  const { line, written } = liveLine(true);
  line.show("one");
  line.show("a line that is too long");
  line.print("stays");
  line.clear();
  line.show("two");
  line.clear();
  assertEquals(written, [
    "\r\x1b[2Kone",
    "\r\x1b[2Ka line th",
    "\r\x1b[2K",
    "stays\n",
    "\r\x1b[2Ktwo",
    "\r\x1b[2K",
  ]);
});

Deno.test("LiveLine prints plain lines without a terminal", () => {
  const { line, written } = liveLine(false);
  line.show("one");
  line.print("stays");
  line.show("a line that is too long");
  line.clear();
  assertEquals(written, ["one\n", "stays\n", "a line that is too long\n"]);
});
