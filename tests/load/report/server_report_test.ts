import { assertEquals } from "@std/assert";
import { serverLines } from "../../../lib/load/report/server_report.ts";

Deno.test("serverLines() has the mean and the maximum of each figure", () => {
  const server = {
    cpuCores: { mean: 0.456, max: 0.987 },
    memoryBytes: { mean: 123_456_789, max: 234_000_000 },
    lagMs: undefined,
  };
  assertEquals(serverLines(server), [
    "The server                 mean      max",
    "  busy, cores              0.46     0.99",
    "  memory, MB              123.5    234.0",
    "  event loop lag, ms   not measured",
  ]);
});

Deno.test("serverLines() has no lines without figures", () => {
  assertEquals(serverLines(undefined), []);
});
