import { assertEquals, assertThrows } from "@std/assert";
import { readFailure } from "../../lib/cli/read_failure.ts";

const FILE = new URL(import.meta.url).pathname;

const CASES: readonly [path: string, reason: string][] = [
  ["/nowhere/a.txt", "it does not exist"],
  [FILE.slice(0, FILE.lastIndexOf("/")), "it is a folder"],
  [`${FILE}/a.txt`, "a part of its path is a file, not a folder"],
  ["x".repeat(300), "its name is too long"],
];

for (const [path, reason] of CASES) {
  Deno.test(`readFailure() says of a file that ${reason}`, () => {
    assertEquals(readFailure(assertThrows(() => Deno.readTextFileSync(path), Error)), reason);
  });
}

Deno.test("readFailure() says that the user may not read a file", () => {
  // The tests may run as root, who may read everything.
  const error = Object.assign(new Error("Permission denied (os error 13)"), { code: "EACCES" });
  assertEquals(readFailure(error), "this user may not read it");
});

Deno.test("readFailure() leaves an unknown reason as it is", () => {
  assertEquals(readFailure(new Error("Input/output error")), "Input/output error");
});
