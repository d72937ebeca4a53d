import { assertEquals, assertRejects } from "@std/assert";
import { httpGet } from "../../../lib/load/history/http_get.ts";

const CERTIFICATES = new URL("../users/connection/certificates/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, CERTIFICATES));

const OPTIONS = { headers: {}, caCerts: undefined, isInsecure: false, timeoutMs: 5000 };

Deno.test("httpGet() returns the status, the link, and the body, and sends the headers", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ headers, url }) =>
      new Response(`${headers.get("x-a")} ${new URL(url).search} ü`, {
        status: 203,
        headers: { link: "</b>" },
      }),
  );
  const url = new URL(`http://127.0.0.1:${server.addr.port}/a?b=c`);
  assertEquals(await httpGet(url, { ...OPTIONS, headers: { "x-a": "1" } }), {
    status: 203,
    link: "</b>",
    body: "1 ?b=c ü",
  });
});

for (
  const [name, options, isTrusted] of [
    ["of an authority that is trusted", { caCerts: read("ca.pem") }, true],
    ["of an unknown authority", {}, false],
    ["of an unknown authority, if every certificate is trusted", { isInsecure: true }, true],
  ] as const
) {
  Deno.test(`httpGet() ${isTrusted ? "accepts" : "rejects"} a certificate ${name}`, async () => {
    await using server = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      cert: read("good.pem"),
      key: read("key.pem"),
      onListen: () => {},
    }, () => new Response("ok"));
    const url = new URL(`https://localhost:${server.addr.port}/`);
    const answer = httpGet(url, { ...OPTIONS, ...options });
    if (isTrusted) assertEquals((await answer).body, "ok");
    else await assertRejects(() => answer, Error, "certificate");
  });
}

Deno.test("httpGet() rejects if the server does not answer in time", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const url = new URL(`http://127.0.0.1:${(listener.addr as Deno.NetAddr).port}/`);
  await assertRejects(
    () => httpGet(url, { ...OPTIONS, timeoutMs: 50 }),
    Error,
    "The server did not answer within 50 ms",
  );
  (await accepting).close();
  listener.close();
});
