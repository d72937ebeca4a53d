import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

const PAGES = [
  "README.md",
  "lib/README.md",
  "lib/chat/PROTOCOL.md",
  "lib/cluster/README.md",
  "lib/load/README.md",
  "lib/server/DEPLOY.md",
  "lib/server/README.md",
  "lib/server/page/README.md",
  "tests/bench/README.md",
  "tests/bench/abuse.md",
  "tests/bench/cluster_faults.md",
  "tests/bench/figures.md",
  "tests/bench/upstream.md",
];

/** The anchors that a page's headings make, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return Array.from(
    markdown.matchAll(/^#+ (.*)$/gm),
    ([, heading]) => heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"),
  );
}

for (const page of PAGES) {
  Deno.test(`every link of ${page} to a file of this repository leads somewhere`, async () => {
    const url = new URL(page, ROOT);
    const markdown = await Deno.readTextFile(url);
    const links = Array.from(
      markdown.matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm),
      ([, inline, reference]) => inline ?? reference!,
    ).filter((link) => !/^https?:/.test(link));
    assert(links.length > 0, "no link was found");
    for (const link of links) {
      const target = new URL(link, url);
      const { isFile, isDirectory } = await Deno.stat(new URL(target.pathname, target));
      assertEquals(isFile || isDirectory, true, link);
      if (target.hash === "") continue;
      const anchors = anchorsOf(await Deno.readTextFile(new URL(target.pathname, target)));
      assert(anchors.includes(target.hash.slice(1)), link);
    }
  });
}

Deno.test("README.md has at most 150 lines", async () => {
  const markdown = await Deno.readTextFile(new URL("README.md", ROOT));
  assert(markdown.split("\n").length <= 151);
});
