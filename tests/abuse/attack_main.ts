// The process of an AttackProcess. It reads orders from stdin, one a line, and prints what each
// attack got.
import { createInterface } from "node:readline";
import process from "node:process";
import type { Order } from "./attack_process.ts";
import { ATTACKS } from "./attacks.ts";

let abort = new AbortController();

for await (const line of createInterface({ input: process.stdin })) {
  const order: Order = JSON.parse(line);
  if (order.kind === "end") {
    abort.abort();
    continue;
  }
  abort = new AbortController();
  const { name, target, size, paceMs } = order;
  const attack = ATTACKS.find((each) => each.name === name)!;
  // JSON has no Infinity.
  attack.run(target, { size: size ?? Infinity, paceMs, signal: abort.signal })
    .then((got) => console.log(JSON.stringify(got)));
}
