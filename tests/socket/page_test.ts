import { assertEquals, assertStringIncludes } from "@std/assert";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** Sends a request and reads its response as it comes, without decompressing it. */
async function request({ port }: TestApp, request: string, fields: readonly string[] = []) {
  using peer = await RawPeer.connect(port);
  const head = [`${request} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...fields, "Connection: close"];
  await peer.send([...head, "", ""].join("\r\n"));
  const [statusLine, ...lines] = (await peer.readHead()).trim().split("\r\n");
  const headers = new Headers(lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  }));
  const isHead = request.startsWith("HEAD");
  const body = await peer.read(isHead ? 0 : Number(headers.get("content-length") ?? 0));
  return { status: Number(statusLine!.split(" ")[1]), headers, body };
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a document leads to its files, compressed once and cached for ever`, async () => {
    await using server = await startTestApp({ engine });
    for (const document of ["/", "/docs"]) {
      const html = await (await fetch(new URL(document, server.app.url))).text();
      for (const [, url] of html.matchAll(/ (?:href|src)="(assets\/[^"]*)"/g)) {
        const plain = await request(server, `GET /${url}`);
        assertEquals([plain.status, plain.headers.has("content-encoding")], [200, false]);
        assertStringIncludes(plain.headers.get("cache-control")!, "immutable");
        for (
          const [encoding, decompress] of [["br", brotliDecompressSync], [
            "gzip",
            gunzipSync,
          ]] as const
        ) {
          const accepts = [`Accept-Encoding: ${encoding}`];
          const { headers, body } = await request(server, `GET /${url}`, accepts);
          assertEquals(headers.get("content-encoding"), encoding);
          assertEquals(headers.get("vary"), "accept-encoding");
          assertEquals(new Uint8Array(decompress(body)), plain.body);
          const head = await request(server, `HEAD /${url}`, accepts);
          assertEquals(head.headers.get("content-length"), `${body.length}`);
          const etag = headers.get("etag")!;
          const again = await request(server, `GET /${url}`, [
            ...accepts,
            `If-None-Match: ${etag}`,
          ]);
          assertEquals([again.status, again.body.length], [304, 0]);
        }
        const stale = url!.replace(/[0-9a-f]{16}/, "0123456789abcdef");
        assertEquals((await request(server, `GET /${stale}`)).status, 404);
      }
    }
  });

  Deno.test(`${engine}: a page of an origin in --allow-origin may import /chorus.js`, async () => {
    const origin = "https://app.example";
    await using server = await startTestApp({ engine, allowOrigin: [origin] });
    const { headers, body } = await request(server, "GET /chorus.js", [`Origin: ${origin}`]);
    assertEquals(headers.get("access-control-allow-origin"), origin);
    assertEquals(headers.get("vary"), "origin, accept-encoding");
    assertEquals(headers.get("cache-control"), "no-cache");
    assertStringIncludes(new TextDecoder().decode(body), "export function connect(");
    // A cache must not take this response for one to another origin.
    const own = await request(server, "GET /chorus.js");
    assertEquals(own.headers.get("vary"), "origin, accept-encoding");
    assertEquals(own.headers.has("access-control-allow-origin"), false);
    const other = await request(server, "GET /chorus.js", ["Origin: https://evil.example"]);
    assertEquals(other.status, 403);
  });

  Deno.test(`${engine}: the policy of a document names the host that the client has asked`, async () => {
    await using server = await startTestApp({ engine });
    const host = `127.0.0.1:${server.port}`;
    for (const document of ["/", "/docs"]) {
      const { headers } = await request(server, `GET ${document}`);
      assertStringIncludes(
        headers.get("content-security-policy")!,
        `connect-src 'self' ws://${host} wss://${host};`,
      );
    }
  });
}
