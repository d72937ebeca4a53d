import { assertEquals, assertStringIncludes } from "@std/assert";
import { startFailure } from "../../lib/server/start_failure.ts";
import { TlsFileError } from "../../lib/server/security/tls_files.ts";

Deno.test("startFailure() says what to do", () => {
  const cases: [error: unknown, advice: string][] = [
    [withCode("EADDRINUSE"), "choose a port with --port"],
    [withCode("EADDRNOTAVAIL"), "--hostname"],
    [withCode("EINVAL"), "--hostname"],
    [withCode("EACCES"), "above 1023"],
    [withCode("ENOTFOUND"), "check --hostname"],
    [new Error("failed to lookup address information"), "check --hostname"],
    [new Error("invalid certificate"), "check --tls-cert and --tls-key"],
    [new Error("odd"), "the system refuses: odd"],
  ];
  for (const [error, advice] of cases) {
    const text = startFailure(error, { hostname: "h", port: 80 });
    assertStringIncludes(text, "Cannot listen on h:80 as ");
    assertStringIncludes(text, advice);
    assertEquals(text.split("\n").length, 1);
  }
});

Deno.test("startFailure() passes on which file cannot be read", () => {
  const error = new TlsFileError("Cannot read the file of --tls-cert: x");
  assertEquals(startFailure(error, { hostname: "h", port: 80 }), error.message);
});

function withCode(code: string): Error {
  return Object.assign(new Error("the system's words"), { code });
}
