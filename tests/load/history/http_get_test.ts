import { assertEquals, assertRejects } from "@std/assert";
import { httpGet } from "../../../lib/load/history/http_get.ts";
import type { Target } from "../../../lib/load/users/connection/connect.ts";
import { targetAt } from "../users/attempt.ts";

const CERTIFICATES = new URL("../users/connection/certificates/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, CERTIFICATES));

/** The options for a server, and the URL of one of its resources. */
function request(url: string, overrides: Partial<Target> = {}) {
  const { signal } = new AbortController();
  const target = { ...targetAt(url.replace("http", "ws")), ...overrides };
  return { url: new URL(url), options: { target, headers: {}, timeoutMs: 5000, signal } };
}

Deno.test("httpGet() returns the status, the link, and the body, and sends the headers", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ headers, url }) =>
      new Response(`${headers.get("x-a")} ${new URL(url).search} ü`, {
        status: 203,
        headers: { link: "</b>" },
      }),
  );
  const { url, options } = request(`http://127.0.0.1:${server.addr.port}/a?b=c`);
  assertEquals(await httpGet(url, { ...options, headers: { "x-a": "1" } }), {
    status: 203,
    link: "</b>",
    body: "1 ?b=c ü",
  });
});

for (
  const [name, overrides, isTrusted] of [
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
    const { url, options } = request(`https://localhost:${server.addr.port}/`, overrides);
    const answer = httpGet(url, options);
    if (isTrusted) assertEquals((await answer).body, "ok");
    else await assertRejects(() => answer, Error, "certificate");
  });
}

Deno.test("httpGet() uses the addresses of the name, and the first local address", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ headers }, { remoteAddr }) =>
      new Response(`${headers.get("host")} ${(remoteAddr as Deno.NetAddr).hostname}`),
  );
  const host = `name.invalid:${server.addr.port}`;
  const { url, options } = request(`http://${host}/`, {
    lookup: { addresses: [{ address: "127.0.0.1", family: 4 }], ms: 1 },
    localAddresses: ["127.0.0.2"],
  });
  assertEquals((await httpGet(url, options)).body, `${host} 127.0.0.2`);
});

/** A server that accepts a connection, and says nothing. */
function listenSilently() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const close = async () => {
    (await accepted).close();
    listener.close();
  };
  const { port } = listener.addr as Deno.NetAddr;
  return { ...request(`http://127.0.0.1:${port}/`), accepted, [Symbol.asyncDispose]: close };
}

Deno.test("httpGet() rejects if the server does not answer in time", async () => {
  await using server = listenSilently();
  await assertRejects(
    () => httpGet(server.url, { ...server.options, timeoutMs: 50 }),
    Error,
    "The server did not answer within 50 ms",
  );
});

Deno.test("httpGet() rejects when the signal aborts, and if it has", async () => {
  await using server = listenSilently();
  const interrupt = new AbortController();
  const options = { ...server.options, signal: interrupt.signal };
  const answer = httpGet(server.url, options);
  await server.accepted;
  interrupt.abort();
  await assertRejects(() => answer, Error, "the run was interrupted");
  await assertRejects(() => httpGet(server.url, options), Error, "the run was interrupted");
});
