import { assert, assertEquals } from "@std/assert";
import { Peers } from "../../../lib/cluster/presence/peers.ts";

Deno.test("Peers returns a node that has missed as many sweeps on end as are allowed", () => {
  const peers = new Peers(3);
  const peer = peers.add("a")!;
  // It was heard before the first sweep.
  assertEquals([1, 2, 3].map(() => peers.sweep()), [[], [], []]);
  peer.isHeard = true;
  assertEquals([1, 2, 3, 4].map(() => peers.sweep()), [[], [], [], ["a"]]);
  assertEquals([peers.delete("a"), peers.delete("a"), peers.size], [true, false, 0]);
});

Deno.test("Peers takes at most 1,000 nodes", () => {
  const peers = new Peers(3);
  for (let index = 0; index < 1000; index++) assert(peers.add(`node-${index}`));
  assertEquals(peers.add("another"), undefined);
  assertEquals(peers.size, 1000);
});
