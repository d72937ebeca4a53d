import { eTag, ifNoneMatch } from "@std/http/etag";
import html from "./index.html" with { type: "text" };
import css from "./page.css" with { type: "text" };
import script from "./page.js" with { type: "text" };

interface Asset {
  readonly body: string;
  readonly contentType: string;
  readonly etag: string;
}

const ASSETS: Readonly<Record<string, Asset>> = {
  "/": await asset(html, "text/html"),
  "/page.css": await asset(css, "text/css"),
  "/page.js": await asset(script, "text/javascript"),
};

/** Whether a path is one of the chat page's files. */
export function isPagePath(path: string): boolean {
  return Object.hasOwn(ASSETS, path);
}

/** Creates the response to a GET or HEAD request for a page file; 304 if a copy is current. */
export function servePage(path: string, headers: Headers): Response {
  const { body, contentType, etag } = ASSETS[path]!;
  const common = { etag, "cache-control": "no-cache" };
  if (!ifNoneMatch(headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers: common });
  }
  return new Response(body, {
    headers: {
      ...common,
      "content-type": contentType,
      "content-security-policy": "default-src 'self'; img-src data:; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
  });
}

async function asset(body: string, type: string): Promise<Asset> {
  return { body, contentType: `${type}; charset=utf-8`, etag: await eTag(body) };
}
