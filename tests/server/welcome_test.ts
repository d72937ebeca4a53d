import { assertEquals, assertStringIncludes } from "@std/assert";
import { listenFailure } from "../../lib/server/listen_failure.ts";
import { welcome } from "../../lib/server/welcome.ts";

Deno.test("welcome() names the commands of a user who has Deno", () => {
  const text = welcome(new URL("http://127.0.0.1:8000/"), "/usr/bin/deno");
  assertStringIncludes(text, "listening on http://127.0.0.1:8000/");
  assertStringIncludes(text, "  deno task client --count 9\n");
});

Deno.test("welcome() names the commands of a user who runs Deno through npx, on another port", () => {
  const text = welcome(
    new URL("http://127.0.0.1:9000/"),
    "/root/.npm/_npx/1/node_modules/deno/deno",
  );
  assertStringIncludes(
    text,
    `npx -y deno@${Deno.version.deno} task client --count 9 --url ws://127.0.0.1:9000/ws\n`,
  );
});

Deno.test("listenFailure() says what to do", () => {
  const cases: [error: unknown, advice: string][] = [
    [new Deno.errors.AddrInUse(), "choose a port with --port"],
    [new Deno.errors.AddrNotAvailable(), "--hostname"],
    [new Deno.errors.PermissionDenied(), "above 1023"],
    [new Error("failed to lookup address information"), "check --hostname"],
    [new Error("odd"), "the system refuses: odd"],
  ];
  for (const [error, advice] of cases) {
    const text = listenFailure(error, { hostname: "h", port: 80 });
    assertStringIncludes(text, "Cannot listen on h:80 as ");
    assertStringIncludes(text, advice);
    assertEquals(text.split("\n").length, 1);
  }
});
