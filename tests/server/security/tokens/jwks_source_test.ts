import { assertEquals, assertRejects } from "@std/assert";
import { isJwksUrl, readJwks } from "../../../../lib/server/security/tokens/jwks_source.ts";
import { TokenKeyError } from "../../../../lib/server/security/tokens/token_keys.ts";
import { JwksServer } from "./jwks_server.ts";

Deno.test("isJwksUrl() tells URLs from files", () => {
  assertEquals(["https://a/b", "HTTP://a", "keys.json", "/http://a"].map(isJwksUrl), [
    ...[true, true, false, false],
  ]);
});

Deno.test("readJwks() reads a text in several pieces", async () => {
  await using server = new JwksServer([]);
  const bytes = new TextEncoder().encode('{"keys":"\u00e4"}');
  // The letter takes two bytes, which arrive apart.
  server.answer = () => new Response(ReadableStream.from([bytes.slice(0, 10), bytes.slice(10)]));
  assertEquals(await readJwks(server.url), '{"keys":"\u00e4"}');
});

Deno.test("readJwks() rejects if the source does not answer in time", async () => {
  await using server = new JwksServer([]);
  const answer = Promise.withResolvers<Response>();
  const asked = Promise.withResolvers<void>();
  server.answer = () => {
    asked.resolve();
    return answer.promise;
  };
  const deadline = new AbortController();
  const reading = assertRejects(
    () => readJwks(server.url, deadline.signal),
    TokenKeyError,
    "too late",
  );
  await asked.promise;
  deadline.abort(new Error("too late"));
  await reading;
  answer.resolve(new Response());
});

Deno.test("readJwks() rejects if nothing listens there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const url = `http://127.0.0.1:${port}/`;
  await assertRejects(() => readJwks(url), TokenKeyError, `Cannot read --token-jwks ${url}: `);
});
