import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  findOpenableFiles,
  type OpenFilesConfig,
  openFilesWarning,
} from "../../lib/server/open_files.ts";

const CONFIG: OpenFilesConfig = {
  hostname: "0.0.0.0",
  listenFd: "none",
  maxConnections: 1000,
  trustProxy: [],
};

/** A system that can open this many files, and takes this long for each. */
function systemOf(limit: number, code = "EMFILE", msPerFile = 0) {
  const system = {
    openCount: 0,
    largest: 0,
    nowMs: 0,
    open: () => {
      if (system.openCount === limit) throw Object.assign(new Error(code), { code });
      system.nowMs += msPerFile;
      system.largest = Math.max(system.largest, ++system.openCount);
      return { close: () => system.openCount-- };
    },
    monotonicMs: () => system.nowMs,
  };
  return system;
}

Deno.test("openFilesWarning() says what to type", () => {
  assertEquals(
    openFilesWarning(CONFIG, 900),
    "This process can open only 900 more files, but --max-connections 1000 needs 1100: run " +
      '"ulimit -n 2048" in the shell that starts the server, set LimitNOFILE=2048 in its systemd ' +
      "unit, or lower --max-connections",
  );
  assertStringIncludes(openFilesWarning(CONFIG, 1), "can open only 1 more file, but");
});

Deno.test("findOpenableFiles() returns how many files can be opened if that is not enough", () => {
  const system = systemOf(900);
  assertEquals(findOpenableFiles(CONFIG, system), 900);
  assertEquals([system.openCount, system.largest], [0, 900]);
});

Deno.test("findOpenableFiles() returns undefined if enough files can be opened, and closes them", () => {
  const system = systemOf(1100);
  assertEquals(findOpenableFiles(CONFIG, system), undefined);
  assertEquals([system.openCount, system.largest], [0, 1100]);
});

Deno.test("findOpenableFiles() returns undefined for what it cannot find out", () => {
  const slow = systemOf(900, "EMFILE", 1);
  assertEquals([findOpenableFiles(CONFIG, slow), slow.openCount], [undefined, 0]);
  const denied = systemOf(0, "EACCES");
  assertEquals(findOpenableFiles(CONFIG, denied), undefined);
});

Deno.test("findOpenableFiles() checks servers that others use", () => {
  const isChecked = (config: Partial<OpenFilesConfig>) => {
    const local = { ...CONFIG, hostname: "127.0.0.1", maxConnections: 20_000 };
    const system = systemOf(0);
    return findOpenableFiles({ ...local, ...config }, system) !== undefined;
  };
  assertEquals(isChecked({}), false);
  assertEquals(isChecked({ hostname: "localhost" }), false);
  assertEquals(isChecked({ hostname: "0.0.0.0" }), true);
  assertEquals(isChecked({ listenFd: "3" }), true);
  assertEquals(isChecked({ maxConnections: 1000 }), true);
  assertEquals(isChecked({ trustProxy: ["127.0.0.1"] }), true);
  assertEquals(isChecked({ hostname: "0.0.0.0", maxConnections: 0 }), false);
});
