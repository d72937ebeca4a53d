import { assertEquals } from "@std/assert";
import { stopListener } from "../../lib/cli/stop_signal.ts";

const CASES: readonly [name: string, atMs: readonly number[], calls: readonly string[]][] = [
  ["one signal", [0], ["stop"]],
  ["a keypress that arrives twice", [0, 1], ["stop"]],
  ["two keypresses", [0, 251], ["stop", "stop now"]],
  ["two keypresses that each arrive twice", [0, 1, 900, 901], ["stop", "stop now", "stop now"]],
];

for (const [name, atMs, expected] of CASES) {
  Deno.test(`stopListener() handles ${name}`, () => {
    const calls: string[] = [];
    let nowMs = 0;
    const listener = stopListener({
      stop: () => calls.push("stop"),
      stopNow: () => calls.push("stop now"),
    }, () => nowMs);
    for (nowMs of atMs) listener();
    assertEquals(calls, expected);
  });
}
