import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DataFileError } from "../../lib/history/data_file_error.ts";
import { ListenError, listenOn, startFailure } from "../../lib/server/start_failure.ts";
import { TlsFileError } from "../../lib/server/security/tls_files.ts";

Deno.test("startFailure() gives the reason and advice for a ListenError in one line", () => {
  const cases: [cause: unknown, advice: string][] = [
    [withCode("EADDRINUSE"), "choose another port with --port"],
    [withCode("EADDRNOTAVAIL"), "--hostname"],
    [withCode("EAFNOSUPPORT"), "--hostname"],
    [withCode("EINVAL"), "--hostname"],
    [withCode("EACCES"), "above 1023"],
    [withCode("EMFILE"), "raise `ulimit -n`"],
    [withCode("ENOTFOUND"), "check --hostname"],
    [new Error("failed to lookup address information: odd"), "check --hostname"],
    [new Error("no name, no key"), "Cannot listen on h:80: no name, no key"],
  ];
  for (const [cause, advice] of cases) {
    const text = startFailure(new ListenError({ hostname: "h", port: 80 }, cause));
    assertStringIncludes(text, "Cannot listen on h:80: ");
    assertStringIncludes(text, advice);
    assertEquals(text.split("\n").length, 1);
  }
});

Deno.test("startFailure() does not blame the address if there is a socket instead", () => {
  for (const code of ["EINVAL", "ENOTSOCK"]) {
    const error = new ListenError({ hostname: "h", port: 80, fd: 3 }, withCode(code));
    assertStringIncludes(startFailure(error), "Cannot listen on the socket of --listen-fd 3: the");
  }
});

Deno.test("listenOn() names the flags that set the address", async () => {
  const flags = { hostname: "--metrics-listen", port: "--metrics-listen" };
  const listen = () => Promise.reject(withCode("EADDRINUSE"));
  const error = await assertRejects(
    () => listenOn({ hostname: "h", port: 80 }, listen, flags),
    ListenError,
  );
  assertStringIncludes(error.message, "choose another port with --metrics-listen");
});

Deno.test("startFailure() returns the message of an error of a file unchanged", () => {
  const errors = [
    new TlsFileError("Cannot read --tls-cert x: not found"),
    new DataFileError("x", new Error("the name cannot be found")),
  ];
  for (const error of errors) assertEquals(startFailure(error), error.message);
});

Deno.test("startFailure() does not blame the address for other errors", () => {
  assertEquals(
    startFailure(new Error("username: lookup failed")),
    "Cannot start the server: username: lookup failed",
  );
});

Deno.test("listenOn() passes the result on, and wraps what is thrown", async () => {
  const address = { hostname: "::1", port: 80 };
  assertEquals(await listenOn(address, () => 1), 1);
  for (const listen of [() => Promise.reject(new Error("a")), () => throwError("a")]) {
    await assertRejects(() => listenOn(address, listen), ListenError, "on [::1]:80: a");
  }
});

function throwError(message: string): never {
  throw new Error(message);
}

function withCode(code: string): Error {
  return Object.assign(new Error("the system's message"), { code });
}
