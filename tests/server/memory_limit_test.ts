import { assertEquals } from "@std/assert";
import { logLimitBytes, MemoryLimit, type MemoryUsage } from "../../lib/server/memory_limit.ts";

/** A limit of 160 bytes, and the memory of a process that the test sets. */
function limitOf(usage: { -readonly [Key in keyof MemoryUsage]: number }): {
  limit: MemoryLimit;
  changes: boolean[];
} {
  const changes: boolean[] = [];
  const limit = new MemoryLimit(160, {
    read: () => usage,
    onChange: (isExceeded) => changes.push(isExceeded),
  });
  return { limit, changes };
}

Deno.test("MemoryLimit is exceeded once the process has grown to the limit", () => {
  const usage = { rss: 159, heapUsed: 50, external: 50 };
  const { limit, changes } = limitOf(usage);
  limit.check();
  assertEquals(limit.isExceeded, false);
  usage.rss = 160;
  limit.check();
  limit.check();
  assertEquals([limit.isExceeded, changes], [true, [true]]);
});

Deno.test("MemoryLimit recovers when the process has free memory, even if it does not shrink", () => {
  const usage = { rss: 160, heapUsed: 50, external: 50 };
  const { limit, changes } = limitOf(usage);
  limit.check();
  usage.external = 45;
  limit.check();
  assertEquals(limit.isExceeded, true);
  usage.external = 43;
  limit.check();
  assertEquals([limit.isExceeded, changes], [false, [true, false]]);
  // It fills its free memory before it grows again.
  usage.external = 49;
  limit.check();
  assertEquals(limit.isExceeded, false);
  usage.heapUsed = 51;
  limit.check();
  assertEquals([limit.isExceeded, changes], [true, [true, false, true]]);
});

Deno.test("MemoryLimit is exceeded again when the process grows by memory that V8 does not count", () => {
  const usage = { rss: 160, heapUsed: 50, external: 50 };
  const { limit } = limitOf(usage);
  limit.check();
  Object.assign(usage, { rss: 169, external: 40 });
  limit.check();
  assertEquals(limit.isExceeded, false);
  usage.rss = 170;
  limit.check();
  assertEquals(limit.isExceeded, true);
  usage.heapUsed = 30;
  limit.check();
  assertEquals(limit.isExceeded, false);
});

Deno.test("MemoryLimit recovers when the process shrinks", () => {
  const usage = { rss: 160, heapUsed: 50, external: 50 };
  const { limit } = limitOf(usage);
  limit.check();
  usage.rss = 159;
  limit.check();
  assertEquals(limit.isExceeded, false);
  // What is in use when the process gets to the limit is measured anew.
  Object.assign(usage, { rss: 160, external: 30 });
  limit.check();
  assertEquals(limit.isExceeded, true);
});

Deno.test("logLimitBytes() leaves half of the memory to everything else", () => {
  assertEquals(logLimitBytes({ maxLogBytes: 100, memoryLimit: 0 }), 100);
  assertEquals(logLimitBytes({ maxLogBytes: 100, memoryLimit: 150 }), 75);
  assertEquals(logLimitBytes({ maxLogBytes: 100, memoryLimit: 300 }), 100);
});
