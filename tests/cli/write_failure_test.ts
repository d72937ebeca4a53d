import { assertEquals, assertThrows } from "@std/assert";
import { writeFailure } from "../../lib/cli/write_failure.ts";

const FILE = new URL(import.meta.url).pathname;

const CASES: readonly [path: string, reason: string][] = [
  ["/nowhere/a.txt", "its folder does not exist"],
  [FILE.slice(0, FILE.lastIndexOf("/")), "it is a folder"],
  [`${FILE}/a.txt`, "a part of its path is a file, not a folder"],
  ["x".repeat(300), "its name is too long"],
];

for (const [path, reason] of CASES) {
  Deno.test(`writeFailure() says of ${path.slice(0, 20)} that ${reason}`, () => {
    const error = assertThrows(() => Deno.writeTextFileSync(path, "a"), Error);
    assertEquals(writeFailure(error), reason);
  });
}

for (
  const [code, reason] of [
    // The tests may run as root, who may write everything.
    ["EACCES", "this user may not write it"],
    // Deno opens /dev/full only with all permissions.
    ["ENOSPC", "its file system is full"],
    ["EROFS", "its file system is read-only"],
  ]
) {
  Deno.test(`writeFailure() says of ${code} that ${reason}`, () => {
    assertEquals(writeFailure(Object.assign(new Error("os error"), { code })), reason);
  });
}
