import { assertEquals } from "@std/assert";
import { dirname, normalize } from "node:path/posix";

const ROOT = new URL("../", import.meta.url);

/**
 * What each folder, main or file may import besides its own folder. A folder stands for its files,
 * without those of its subfolders.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "server.ts": ["lib/cli", "lib/cli/flags", "lib/server", "lib/server/security"],
  "client.ts": [
    ...["lib/cli", "lib/cli/flags", "lib/load", "lib/load/pace", "lib/load/report"],
    ...["lib/load/users", "lib/load/users/connection"],
  ],

  "lib/cli": ["deno.json"],
  "lib/cli/flags": ["lib/cli/error_message.ts", "lib/cli/read_failure.ts"],
  "lib/websocket": ["lib/websocket/transport"],
  "lib/websocket/transport": [],

  "lib/chat": ["lib/chat/history", "lib/chat/log", "lib/chat/members", "lib/websocket"],
  "lib/chat/members": ["lib/chat", "lib/chat/history", "lib/chat/log", "lib/websocket"],
  "lib/chat/history": [
    ...["lib/chat/backplane.ts", "lib/chat/chorus_v1.ts", "lib/chat/counters.ts"],
    ...["lib/chat/message.ts", "lib/chat/scheduler.ts"],
    ...["lib/chat/log", "lib/websocket"],
  ],
  "lib/chat/log": [
    ...["lib/chat/counters.ts", "lib/chat/message.ts", "lib/chat/scheduler.ts", "lib/websocket"],
  ],
  "lib/cluster": [
    ...["lib/cluster/connection", "lib/cluster/presence", "lib/cluster/stream"],
    ...["lib/chat", "lib/chat/history", "lib/cli"],
  ],
  "lib/cluster/connection": ["lib/cli"],
  "lib/cluster/presence": [
    ...["lib/cluster/call_limit.ts", "lib/cluster/room_token.ts", "lib/chat", "lib/cli"],
  ],
  "lib/cluster/stream": [
    ...["lib/cluster/connection", "lib/cluster/presence", "lib/cluster/room_token.ts"],
    ...["lib/chat", "lib/chat/history", "lib/cli", "lib/cli/flags/duration.ts", "lib/websocket"],
  ],
  "lib/history": ["lib/chat", "lib/chat/history", "lib/chat/log"],

  "lib/server": [
    ...["lib/server/engines", "lib/server/flags", "lib/server/http", "lib/server/page"],
    ...["lib/server/metrics", "lib/server/security", "lib/server/security/tokens"],
    ...["lib/chat", "lib/cli", "lib/cli/flags", "lib/websocket/transport"],
  ],
  "lib/server/app.ts": ["lib/cluster", "lib/history"],
  "lib/server/drain.ts": ["lib/chat/members"],
  "lib/server/start_failure.ts": [
    ...["lib/cluster/connection/cluster_error.ts", "lib/history/data_file_error.ts"],
  ],
  "lib/server/engines": [
    ...["lib/server/http", "lib/server/security", "lib/server/address.ts", "lib/server/config.ts"],
    ...["lib/server/metrics/server_counters.ts"],
    ...["lib/chat", "lib/chat/log/frames.ts", "lib/chat/members"],
    ...["lib/websocket", "lib/websocket/transport"],
  ],
  "lib/server/flags": [
    ...["lib/server/security", "lib/server/security/tokens/room_pattern.ts", "lib/cli/flags"],
    "lib/server/security/tokens/token_claims.ts",
    ...["lib/server/address.ts", "lib/chat/names.ts", "lib/websocket/http_head.ts"],
  ],
  "lib/server/http": [
    ...["lib/server/page", "lib/server/security", "lib/server/config.ts"],
    ...["lib/chat", "lib/chat/history", "lib/chat/members", "lib/websocket"],
  ],
  "lib/server/metrics": [
    ...["lib/server/http", "lib/server/security", "lib/server/address.ts", "lib/server/config.ts"],
    ...["lib/server/http_server.ts", "lib/server/memory_limit.ts"],
    ...["lib/chat", "lib/cli", "lib/websocket"],
  ],
  "lib/server/page": [
    ...["lib/server/page/chat", "lib/server/page/docs"],
    ...["lib/chat/PROTOCOL.md", "lib/cluster/README.md", "lib/server/README.md"],
  ],
  "lib/server/security/tokens": [
    ...["lib/server/http/refusal.ts", "lib/server/config.ts", "lib/chat", "lib/cli"],
    "lib/websocket",
  ],
  "lib/server/security": [
    ...["lib/server/config.ts", "lib/chat/token_bucket.ts", "lib/cli", "lib/websocket"],
  ],

  "lib/load": [
    ...["lib/load/flags", "lib/load/history", "lib/load/measure", "lib/load/measure/ledger"],
    ...["lib/load/pace", "lib/load/report", "lib/load/report/saved_run"],
    ...["lib/load/users", "lib/load/users/connection", "lib/chat/chorus_v1.ts"],
    ...["lib/cli", "lib/cli/flags", "lib/websocket", "lib/websocket/transport"],
  ],
  "lib/load/history": [
    ...["lib/load/measure", "lib/load/measure/ledger"],
    ...["lib/load/users", "lib/load/users/connection", "lib/load/users/http", "lib/cli"],
  ],
  "lib/load/flags": [
    ...["lib/load/pace/stages.ts", "lib/load/report/gate.ts", "lib/load/users/roles.ts"],
    "lib/load/users/storm_plan.ts",
    ...["lib/cli/flags", "lib/websocket/http_head.ts"],
  ],
  "lib/load/measure": [
    ...["lib/load/measure/ledger", "lib/load/pace", "lib/load/config.ts", "lib/load/delay.ts"],
    "lib/cli",
  ],
  "lib/load/measure/ledger": ["lib/load/measure/message.ts"],
  "lib/load/pace": ["lib/cli/flags/duration.ts"],
  "lib/load/report": [
    ...["lib/load/measure", "lib/load/measure/ledger", "lib/load/pace"],
    ...["lib/load/report/html_report", "lib/load/report/saved_run", "lib/load/config.ts"],
    ...["lib/cli", "lib/cli/flags"],
  ],
  "lib/load/report/html_report": [
    ...["lib/load/report", "lib/load/report/saved_run/saved_run.ts"],
    ...["lib/load/measure", "lib/load/config.ts", "lib/cli/flags", "lib/cli/printable.ts"],
  ],
  "lib/load/report/saved_run": [
    ...["lib/load/report", "lib/load/measure", "lib/load/measure/ledger", "lib/load/config.ts"],
    ...["lib/cli", "lib/cli/flags"],
  ],
  "lib/load/users": [
    ...["lib/load/users/chorus_v1", "lib/load/users/connection", "lib/load/users/http"],
    ...["lib/load/measure", "lib/load/measure/ledger", "lib/load/pace", "lib/load/config.ts"],
    ...["lib/load/delay.ts", "lib/load/seeded_random.ts", "lib/load/flags/flag_checks.ts"],
    ...["lib/chat/chorus_v1.ts", "lib/chat/close_code.ts", "lib/cli"],
    ...["lib/cli/flags/duration.ts", "lib/cli/flags/rate.ts"],
    ...["lib/websocket", "lib/websocket/transport"],
  ],
  "lib/load/users/connection": [
    ...["lib/load/measure/summary.ts", "lib/load/config.ts", "lib/load/delay.ts"],
    ...["lib/cli", "lib/websocket", "lib/websocket/transport"],
  ],
  "lib/load/users/http": [
    ...["lib/load/users/connection", "lib/load/users/user_plan.ts"],
    ...["lib/load/measure", "lib/load/measure/ledger", "lib/load/delay.ts"],
    ...["lib/cli", "lib/websocket"],
  ],
  "lib/load/users/chorus_v1": [
    ...["lib/load/measure", "lib/load/measure/ledger", "lib/chat/chorus_v1.ts"],
  ],
};

/**
 * Tests without a file of their name in lib: those of the manuals, of a contract,
 * and of a feature that takes several files.
 */
const OTHER_TESTS = [
  "tests/chat/chat_contract_test.ts",
  "tests/load/profiles_test.ts",
  "tests/load/readme_test.ts",
  "tests/server/readme_test.ts",
];

const MAX_LIB_LINES = 300;
const MAX_MAIN_LINES = 80;
const MAX_COLUMNS = 100;

/** All TypeScript files of the project with their text, by path. */
const FILES = new Map<string, string>();
for (
  const path of ["server.ts", "client.ts", ...listFiles("lib"), ...listFiles("tests")]
) {
  FILES.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
}

const LIB = [...FILES.keys()].filter((path) => !path.startsWith("tests/"));

/** The files that each file of lib and each main imports, types included. */
const IMPORTS = new Map(LIB.map((path) => [path, importsOf(path)]));

Deno.test("each import follows the table of the design", () => {
  const wrong = [...IMPORTS].flatMap(([path, imports]) => {
    const folder = path.includes("/") ? dirname(path) : path;
    const allowed = [folder, ...MAY_IMPORT[folder] ?? [], ...MAY_IMPORT[path] ?? []];
    return imports.filter((each) => !allowed.includes(each) && !allowed.includes(dirname(each)))
      .map((each) => `${path} imports ${each}`);
  });
  assertEquals(wrong, []);
});

Deno.test("each path in the table of the design exists", () => {
  for (const path of Object.entries(MAY_IMPORT).flat(2)) Deno.statSync(new URL(path, ROOT));
});

Deno.test("no files of lib import each other in a circle", () => {
  let left = new Set(LIB);
  for (let before = 0; before !== left.size;) {
    before = left.size;
    // A file in a circle imports one that is left, and one that is left imports it.
    const imported = new Set([...left].flatMap((path) => IMPORTS.get(path)!));
    left = new Set(
      [...left].filter((path) =>
        imported.has(path) && IMPORTS.get(path)!.some((each) => left.has(each))
      ),
    );
  }
  assertEquals([...left], []);
});

Deno.test("only the mains use Deno.args and Deno.exit", () => {
  const users = LIB.filter((path) => /\bDeno\.(args|exit)\b/.test(FILES.get(path)!));
  const mains = ["server.ts", "client.ts", "lib/server/token_main.ts"];
  assertEquals(users.filter((path) => !mains.includes(path)), []);
});

Deno.test(`a main has at most ${MAX_MAIN_LINES} lines, a file of lib ${MAX_LIB_LINES}`, () => {
  const long = LIB.filter((path) => {
    const lineCount = FILES.get(path)!.trimEnd().split("\n").length;
    return lineCount > (path.startsWith("lib/") ? MAX_LIB_LINES : MAX_MAIN_LINES);
  });
  assertEquals(long, []);
});

Deno.test(`a line has at most ${MAX_COLUMNS} columns, unless it has a URL or a test's name`, () => {
  const long = [...FILES].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) =>
      [...line].length > MAX_COLUMNS && !/:\/\/|Deno\.test\(/.test(line)
        ? [`${path}:${index + 1}`]
        : []
    )
  );
  assertEquals(long, []);
});

Deno.test("each unit test has the name of the file that it tests", () => {
  const wrong = [...FILES.keys()].filter((path) => {
    const [, tested] =
      path.match(/^tests\/((?:chat|cli|history|load|server|websocket)\/.*)_test/) ??
        [];
    return tested && !FILES.has(`lib/${tested}.ts`) && !OTHER_TESTS.includes(path);
  });
  assertEquals(wrong, []);
});

/** Lists the TypeScript files below a folder. */
function listFiles(folder: string): string[] {
  return [...Deno.readDirSync(new URL(`${folder}/`, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? listFiles(path) : path.endsWith(".ts") ? [path] : [];
  });
}

/** Returns the paths of the project's files that a file imports or exports from, types included. */
function importsOf(path: string): string[] {
  const specifiers = FILES.get(path)!.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g);
  return Array.from(specifiers, ([, specifier]) => normalize(`${dirname(path)}/${specifier}`));
}
