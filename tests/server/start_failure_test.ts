import { assertEquals, assertStringIncludes } from "@std/assert";
import { DataFileError } from "../../lib/history/data_file_error.ts";
import { acceptFailure, startFailure } from "../../lib/server/start_failure.ts";
import { TlsFileError } from "../../lib/server/security/tls_files.ts";

Deno.test("startFailure() gives the reason and advice in one line", () => {
  const cases: [error: unknown, advice: string][] = [
    [withCode("EADDRINUSE"), "choose another port with --port"],
    [withCode("EADDRNOTAVAIL"), "--hostname"],
    [withCode("EINVAL"), "--hostname"],
    [withCode("EACCES"), "above 1023"],
    [withCode("ENOTFOUND"), "check --hostname"],
    [new Error("failed to lookup address information"), "check --hostname"],
    [new Error("invalid certificate"), "check --tls-cert and --tls-key"],
    [new Error("odd"), "Cannot listen on h:80: odd"],
  ];
  for (const [error, advice] of cases) {
    const text = startFailure(error, { hostname: "h", port: 80 });
    assertStringIncludes(text, "Cannot listen on h:80: ");
    assertStringIncludes(text, advice);
    assertEquals(text.split("\n").length, 1);
  }
});

Deno.test("startFailure() returns the message of an error of a file unchanged", () => {
  const cause = new Error("the name cannot be found");
  for (
    const error of [
      new TlsFileError("Cannot read --tls-cert x: not found"),
      new DataFileError("x", cause),
    ]
  ) assertEquals(startFailure(error, { hostname: "h", port: 80 }), error.message);
});

Deno.test("acceptFailure() advises to raise the limit of open files", () => {
  assertEquals(
    acceptFailure(new Error("Too many open files (os error 24)")),
    "Cannot accept connections any more: Too many open files (os error 24); raise `ulimit -n`",
  );
  assertEquals(acceptFailure(new Error("odd")), "Cannot accept connections any more: odd");
});

function withCode(code: string): Error {
  return Object.assign(new Error("the system's message"), { code });
}
