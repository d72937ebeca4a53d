import { assert, assertEquals } from "@std/assert";
import { renderDocs } from "../../../lib/server/page/docs.ts";

const HTML = await renderDocs((template) => template);

const idsIn = (html: string) => Array.from(html.matchAll(/ id="([^"]*)"/g), ([, id]) => id!);

const linksIn = (html: string) =>
  Array.from(html.matchAll(/<a[^>]* href="([^"]*)"/g), ([, link]) => link!);

Deno.test("every link of /docs leads to a heading, to the chat, or to another site", () => {
  const ids = idsIn(HTML);
  assertEquals(new Set(ids).size, ids.length);
  const wrong = linksIn(HTML).filter((link) =>
    link.startsWith("#") ? !ids.includes(link.slice(1)) : link !== "./" && !/^https:/.test(link)
  );
  assertEquals(wrong, []);
  assert(linksIn(HTML).includes("#server-receive-events"));
});

Deno.test("the contents of /docs have every heading once, in order", () => {
  const [, contents, content] = HTML.match(/(<nav[^]*<\/nav>)[^]*(<main[^]*<\/main>)/)!;
  const headings = Array.from(content!.matchAll(/<h[2-4] id="([^"]*)"/g), ([, id]) => `#${id}`);
  assert(headings.length > 50);
  assertEquals(linksIn(contents!), headings);
});

Deno.test("/docs is a document without the marks of its template", () => {
  assert(HTML.startsWith("<!DOCTYPE html>"));
  assertEquals(HTML.match(/<!-- content/), null);
});
