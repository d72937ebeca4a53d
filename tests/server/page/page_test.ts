import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { isPagePath, servePage } from "../../../lib/server/page/page.ts";

function get(path: string, host = "chat.example"): Promise<Response> {
  return servePage({ path, host, headers: new Headers() });
}

/** The documents, and the paths that they refer to. */
const DOCUMENTS = await Promise.all(["/", "/docs"].map(async (path) => {
  const html = await (await get(path)).text();
  const urls = Array.from(html.matchAll(/ (?:href|src)="(assets\/[^"]*)"/g), ([, url]) => url!);
  return { path, html, urls };
}));

for (const { path, html, urls } of DOCUMENTS) {
  Deno.test(`every file that ${path} refers to exists and may be cached for ever`, async () => {
    assert(urls.length > 0);
    for (const url of urls) {
      const response = await get(`/${url}`);
      await response.body?.cancel();
      assertEquals(response.headers.get("cache-control"), "public, max-age=31536000, immutable");
    }
  });

  Deno.test(`${path} has no script and no style of its own, which its policy would refuse`, () => {
    assertEquals(html.match(/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+="/g), null);
  });

  Deno.test(`${path} names all that it may load and connect to`, async () => {
    const response = await get(path, "chat.example:8443");
    await response.body?.cancel();
    assertEquals(response.headers.get("cache-control"), "no-cache");
    assertEquals(response.headers.get("referrer-policy"), "no-referrer");
    assertEquals(response.headers.get("content-security-policy")!.split("; "), [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "connect-src 'self' ws://chat.example:8443 wss://chat.example:8443",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
    ]);
  });
}

Deno.test("a host that is more than a name and a port is not in the policy", async () => {
  for (const host of ["[::1]:8000", "a;script-src", "a'b", "a*b", ""]) {
    const policy = (await get("/", host)).headers.get("content-security-policy")!;
    assertStringIncludes(policy, "; connect-src 'self'; ");
  }
});

Deno.test("every module that a file imports exists in the same folder", async () => {
  const seen = new Set(
    DOCUMENTS.flatMap(({ urls }) => urls).filter((url) => url.endsWith(".js")),
  );
  assert(seen.size > 0);
  for (const url of seen) {
    assert(isPagePath(`/${url}`), url);
    const script = await (await get(`/${url}`)).text();
    for (const [, module] of script.matchAll(/(?:^import\s[^"]*|\bimport\()"(\.\/[^"]+)"/gm)) {
      seen.add(new URL(module!, `file:///${url}`).pathname.slice(1));
    }
  }
});

Deno.test("isPagePath() knows the files of this version alone", () => {
  const [path] = DOCUMENTS[0]!.urls;
  assert(isPagePath(`/${path}`));
  for (
    const other of [
      path!.replace(/[0-9a-f]{16}/, "0123456789abcdef"),
      path!.replace(/[^/]+$/, ""),
      path!.replace(/[^/]+$/, "nothing.js"),
      "assets/DIGEST/base.css",
      "docs/",
      "constructor",
    ]
  ) assert(!isPagePath(`/${other}`), other);
});

Deno.test("/docs has the table of paths as the manual has it", async () => {
  const html = await (await get("/docs")).text();
  assertStringIncludes(html, "<code>/assets/DIGEST/FILE</code>");
});
