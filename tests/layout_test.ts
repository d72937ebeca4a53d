import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Which parts each part may import from, as lib/README.md draws it; itself always. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "lib/cli": [],
  "lib/chat": ["lib/websocket"],
  "lib/websocket": [],
  "lib/history": ["lib/chat", "lib/websocket"],
  "lib/server": ["lib/chat", "lib/cli", "lib/history", "lib/websocket"],
  "lib/load": ["lib/chat", "lib/cli", "lib/websocket"],
  "server.ts": ["lib/cli", "lib/server"],
  "client.ts": ["lib/cli", "lib/load"],
};

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
}

async function modulesOf(main: string): Promise<readonly Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", main],
    cwd: ROOT,
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).modules;
}

/** The part that a module of ours belongs to; undefined for any other. */
function partOf(specifier: string): string | undefined {
  if (!specifier.startsWith(ROOT.href)) return undefined;
  const path = specifier.slice(ROOT.href.length);
  return path.startsWith("lib/") ? path.split("/").slice(0, 2).join("/") : path;
}

for (const main of ["server.ts", "client.ts"]) {
  Deno.test(`every import below ${main} goes in the direction of the design`, async () => {
    const modules = await modulesOf(main);
    let count = 0;
    for (const { specifier, dependencies = [] } of modules) {
      const part = partOf(specifier);
      if (part === undefined) continue;
      for (const { code } of dependencies) {
        const imported = code && partOf(code.specifier);
        if (!imported || imported === part || imported === "deno.json") continue;
        const allowed = MAY_IMPORT[part];
        assert(allowed, `Part ${part} is not in the design`);
        assert(allowed.includes(imported), `${specifier} must not import ${code.specifier}`);
        count++;
      }
    }
    assert(count > 0, "No import was looked at");
  });
}

Deno.test("only the mains read Deno.args or exit", async () => {
  for (const path of await sourcesBelow(new URL("lib/", ROOT))) {
    const text = await Deno.readTextFile(path);
    assertEquals(text.match(/Deno\.(args|exit)\b/g), null, path.href);
  }
});

Deno.test("a main has under 80 lines", async () => {
  for (const main of ["server.ts", "client.ts"]) {
    const text = await Deno.readTextFile(new URL(main, ROOT));
    assert(text.split("\n").length <= 80, main);
  }
});

async function sourcesBelow(folder: URL): Promise<URL[]> {
  const found: URL[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) found.push(...await sourcesBelow(new URL(`${name}/`, folder)));
    else if (name.endsWith(".ts")) found.push(new URL(name, folder));
  }
  return found;
}
