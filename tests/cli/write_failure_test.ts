import { assertEquals, assertThrows } from "@std/assert";
import { writeFailure } from "../../lib/cli/write_failure.ts";

const FILE = new URL(import.meta.url).pathname;

const CASES: readonly [path: string, reason: string][] = [
  ["/nowhere/a.txt", "its folder does not exist"],
  [FILE.slice(0, FILE.lastIndexOf("/")), "it is a folder"],
  [`${FILE}/a.txt`, "a part of its path is a file, not a folder"],
  ["x".repeat(300), "its name is too long"],
  ["/dev/full", "its file system is full"],
];

for (const [path, reason] of CASES) {
  Deno.test(`writeFailure() says of ${path.slice(0, 20)} that ${reason}`, () => {
    const error = assertThrows(() => Deno.writeTextFileSync(path, "a"), Error);
    assertEquals(writeFailure(error), reason);
  });
}

Deno.test("writeFailure() says that the user may not write a file", () => {
  // The tests may run as root, who may write everything.
  const error = Object.assign(new Error("Permission denied (os error 13)"), { code: "EACCES" });
  assertEquals(writeFailure(error), "this user may not write it");
});
