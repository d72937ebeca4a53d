import { escape } from "@std/html/entities";
import Slugger from "github-slugger";
import { Marked, Renderer, type RendererObject, type Token, type Tokens } from "marked";

/** A document in Markdown, as a part of a page. */
export interface MarkdownDocument {
  /** Begins the ids of all its headings, and is that of the first. */
  readonly prefix: string;
  /** Its path in the repository. */
  readonly path: string;
  readonly text: string;
}

/** A heading of a document. The deeper ones below it are its parts. */
export interface Heading {
  readonly id: string;
  /** The heading's text as HTML. */
  readonly html: string;
  /** 1 for the document's title. */
  readonly depth: number;
}

/** A document as HTML. */
export interface RenderedDocument {
  readonly html: string;
  readonly headings: readonly Heading[];
}

/**
 * Renders a document as a part of a page that has all of these documents. Links between them become
 * links within the page; links to other files become their texts. All headings are one level
 * deeper, as the page has a title of its own. A list that only repeats the headings is left out.
 *
 * Rendering takes long for an event loop, so this renders a section at a time.
 *
 * @param pause Lets others use the event loop.
 */
export async function renderMarkdown(
  document: MarkdownDocument,
  documents: readonly MarkdownDocument[],
  pause: () => Promise<void>,
): Promise<RenderedDocument> {
  const headings: Heading[] = [];
  const marked = new Marked({ renderer: rendererOf(document, { documents, headings }) });
  let html = "";
  for (const section of document.text.split(/^(?=## )/m)) {
    await pause();
    const tokens = marked.lexer(section).filter((token) => !isContents(token));
    html += `<section>\n${marked.parser(tokens)}</section>\n`;
  }
  return { html, headings };
}

/** @param context `headings` gets the headings as they are rendered. */
function rendererOf(
  { prefix, path }: MarkdownDocument,
  context: { readonly documents: readonly MarkdownDocument[]; readonly headings: Heading[] },
): RendererObject {
  const slugger = new Slugger();
  return {
    heading({ tokens, text, depth }) {
      const slug = slugger.slug(text);
      const id = depth === 1 ? prefix : `${prefix}-${slug}`;
      const html = this.parser.parseInline(tokens);
      context.headings.push({ id, html, depth });
      const level = depth + 1;
      return `<h${level} id="${id}"><a href="#${id}">${html}</a></h${level}>\n`;
    },
    link({ href, tokens }) {
      const html = this.parser.parseInline(tokens);
      if (/^https?:/.test(href)) return `<a href="${escape(href)}">${html}</a>`;
      const { pathname, hash } = new URL(href, `file:///${path}`);
      const target = context.documents.find((each) => pathname === `/${each.path}`);
      return target ? `<a href="#${target.prefix}${hash.replace("#", "-")}">${html}</a>` : html;
    },
    code({ text, lang }) {
      const html = lang === "console" ? consoleHtml(text) : escape(text);
      return `<div class="code"><pre><code>${html}</code></pre></div>\n`;
    },
    table(token) {
      return `<div class="table">${Renderer.prototype.table.call(this, token)}</div>\n`;
    },
  };
}

/** Marks the commands among what they print. */
function consoleHtml(text: string): string {
  return text.replace(
    /^(\$ )?((?:.*\\\n)*.*)$/gm,
    (_line, prompt: string | undefined, rest: string) =>
      prompt ? `<span class="command">${escape(rest)}</span>` : escape(rest),
  );
}

/** Whether a token is a list in which each item begins with a link to a heading. */
function isContents(token: Token): boolean {
  return token.type === "list" &&
    (token as Tokens.List).items.every(({ text }) => /^\[[^\]]*\]\(#/.test(text));
}
