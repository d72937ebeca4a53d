import { eTag, ifNoneMatch } from "@std/http/etag";
import html from "./page/index.html" with { type: "text" };
import css from "./page/page.css" with { type: "text" };
import script from "./page/page.js" with { type: "text" };

interface Asset {
  readonly body: string;
  readonly contentType: string;
}

const ASSETS: Readonly<Record<string, Asset>> = {
  "/": { body: html, contentType: "text/html; charset=utf-8" },
  "/page.css": { body: css, contentType: "text/css; charset=utf-8" },
  "/page.js": { body: script, contentType: "text/javascript; charset=utf-8" },
};

/** Whether the chat page is made of this path. */
export function isPagePath(path: string): boolean {
  return Object.hasOwn(ASSETS, path);
}

/** Answers a GET or HEAD for a path of the chat page: 304 if the client's copy is still good, else 200. */
export async function servePage(path: string, headers: Headers): Promise<Response> {
  const { body, contentType } = ASSETS[path]!;
  const etag = await eTag(body);
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
