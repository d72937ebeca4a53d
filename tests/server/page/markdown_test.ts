import { assertEquals } from "@std/assert";
import { type MarkdownDocument, renderMarkdown } from "../../../lib/server/page/markdown.ts";

/** Renders a text beside another document, `docs/other.md` with the prefix `other`. */
async function render(text: string): Promise<{ html: string; pauseCount: number }> {
  const document = { prefix: "this", path: "lib/this.md", text };
  const other: MarkdownDocument = { prefix: "other", path: "docs/other.md", text: "" };
  let pauseCount = 0;
  const { html } = await renderMarkdown(document, [document, other], () => {
    pauseCount++;
    return Promise.resolve();
  });
  return { html: html.replaceAll(/<\/?section>/g, "").trim(), pauseCount };
}

const CASES: readonly (readonly [what: string, markdown: string, html: string])[] = [
  [
    "a title",
    "# The `title`",
    '<h2 id="this"><a href="#this">The <code>title</code></a></h2>',
  ],
  [
    "a heading with the anchor that GitHub gives it",
    "### token, from the *server*",
    '<h4 id="this-token-from-the-server"><a href="#this-token-from-the-server">' +
    "token, from the <em>server</em></a></h4>",
  ],
  ["a link to a heading", "[a](#b-c)", '<p><a href="#this-b-c">a</a></p>'],
  ["a link to another document", "[a](../docs/other.md)", '<p><a href="#other">a</a></p>'],
  ["a link into another document", "[a](../docs/other.md#b)", '<p><a href="#other-b">a</a></p>'],
  ["a link to a file that is not served", "[`a.ts`](a.ts)", "<p><code>a.ts</code></p>"],
  [
    "a link to another site",
    "[a](https://example.com/?b&c)",
    '<p><a href="https://example.com/?b&amp;c">a</a></p>',
  ],
  [
    "code",
    "```js\na < b\n```",
    '<div class="code"><pre><code>a &lt; b</code></pre></div>',
  ],
  [
    "the commands of a console",
    "```console\n$ curl -d '<' \\\n  http://h\n$5\n$ ls\n```",
    '<div class="code"><pre><code><span class="command">curl -d &#39;&lt;&#39; \\\n  http://h</span>' +
    '\n$5\n<span class="command">ls</span></code></pre></div>',
  ],
  ["a list of the headings", "- [a](#a)\n- [b](#b), also [c](c.md)\n", ""],
  ["another list", "- [a](#a)\n- b", '<ul>\n<li><a href="#this-a">a</a></li>\n<li>b</li>\n</ul>'],
];

for (const [what, markdown, html] of CASES) {
  Deno.test(`renderMarkdown() renders ${what}`, async () => {
    assertEquals((await render(markdown)).html, html);
  });
}

Deno.test("renderMarkdown() pauses before each section", async () => {
  assertEquals((await render("# a\n\n## b\n\ntext\n\n### c\n\n## d\n")).pauseCount, 3);
});

Deno.test("renderMarkdown() returns the headings in order, each with an id of its own", async () => {
  const document = { prefix: "p", path: "a.md", text: "# a\n## b `c`\n### d\n## d\n" };
  const { headings } = await renderMarkdown(document, [document], () => Promise.resolve());
  assertEquals(headings, [
    { id: "p", html: "a", depth: 1 },
    { id: "p-b-c", html: "b <code>c</code>", depth: 2 },
    { id: "p-d", html: "d", depth: 3 },
    { id: "p-d-1", html: "d", depth: 2 },
  ]);
});
