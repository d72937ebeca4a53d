/**
 * Returns the examples in a language that a page of the manual prints, in order. So the tests try
 * out what the manual says.
 */
export function snippets(language: string, page = "DEPLOY.md"): string[] {
  const markdown = Deno.readTextFileSync(new URL(`../../lib/server/${page}`, import.meta.url));
  const fences = markdown.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"));
  return Array.from(fences, ([, snippet]) => snippet!);
}

/**
 * Replaces texts in an example.
 *
 * @throws {Error} If the example does not contain one of them.
 */
export function adapt(snippet: string, changes: Readonly<Record<string, string>>): string {
  for (const [text, replacement] of Object.entries(changes)) {
    if (!snippet.includes(text)) throw new Error(`The example must contain: ${text}`);
    snippet = snippet.replaceAll(text, () => replacement);
  }
  return snippet;
}
