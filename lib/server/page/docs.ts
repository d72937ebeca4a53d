import { setImmediate } from "node:timers/promises";
import protocols from "../../chat/PROTOCOL.md" with { type: "text" };
import cluster from "../../cluster/README.md" with { type: "text" };
import manual from "../README.md" with { type: "text" };
import html from "./docs/docs.html" with { type: "text" };
import clientLibrary from "./README.md" with { type: "text" };
import { type Heading, type MarkdownDocument, renderMarkdown } from "./markdown.ts";

/** The documents on the page, in order. */
const DOCUMENTS: readonly MarkdownDocument[] = [
  { prefix: "protocol", path: "lib/chat/PROTOCOL.md", text: protocols },
  { prefix: "client", path: "lib/server/page/README.md", text: clientLibrary },
  { prefix: "server", path: "lib/server/README.md", text: manual },
  { prefix: "cluster", path: "lib/cluster/README.md", text: cluster },
];

/**
 * Makes one HTML page of the manuals: of the protocols, the client library, the server, and of
 * several servers.
 *
 * @param prepare Prepares the template before the manuals are in it.
 */
export async function renderDocs(prepare: (template: string) => string): Promise<string> {
  const headings: Heading[] = [];
  const articles: string[] = [];
  for (const document of DOCUMENTS) {
    const rendered = await renderMarkdown(document, DOCUMENTS, setImmediate);
    headings.push(...rendered.headings);
    articles.push(`<article>\n${rendered.html}</article>`);
  }
  return prepare(html)
    .replace("<!-- contents -->", () => contentsOf(headings, 1))
    .replace("<!-- content -->", () => articles.join("\n"));
}

/** A list of the headings of a depth, each with those below it. */
function contentsOf(headings: readonly Heading[], depth: number): string {
  const starts = headings.flatMap((heading, index) => heading.depth === depth ? [index] : []);
  if (starts.length === 0) return "";
  const items = starts.map((start, index) => {
    const { id, html } = headings[start]!;
    const below = headings.slice(start + 1, starts[index + 1]);
    return `<li><a href="#${id}">${html}</a>${contentsOf(below, depth + 1)}</li>`;
  });
  return `<ul>${items.join("\n")}</ul>`;
}
