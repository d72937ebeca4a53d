import { assertEquals } from "@std/assert";
import type { Wire } from "../../../lib/chat/members/wire.ts";
import { OpenWires } from "../../../lib/server/engines/open_wires.ts";

function fakeWire(codes: number[]): Wire {
  return {
    sender: { deliver: () => true, sendFrames: () => {} },
    close: ({ code }) => codes.push(code),
  };
}

Deno.test("OpenWires.closeAll() closes with 1001 and waits until all have closed", async () => {
  const codes: number[] = [];
  const wires = new OpenWires();
  const [one, other] = [fakeWire(codes), fakeWire(codes)];
  wires.add(one).add(other);
  let hasClosed = false;
  const closed = wires.closeAll().then(() => hasClosed = true);
  assertEquals(codes, [1001, 1001]);
  assertEquals([wires.delete(one), wires.delete(one)], [true, false]);
  await Promise.resolve();
  assertEquals(hasClosed, false);
  wires.delete(other);
  await closed;
});

Deno.test("OpenWires counts upgrades until they end, or for five seconds", () => {
  const wires = new OpenWires();
  const [one, other] = [new EventTarget(), new EventTarget()] as [WebSocket, WebSocket];
  wires.add(fakeWire([]));
  wires.beginUpgrade(one, 1000);
  wires.beginUpgrade(other, 2000);
  assertEquals(wires.sizeWithUpgrades(2000), 3);
  assertEquals(wires.sizeWithUpgrades(5999), 3);
  assertEquals(wires.sizeWithUpgrades(6000), 2);
  wires.endUpgrade(other);
  wires.endUpgrade(one);
  assertEquals(wires.sizeWithUpgrades(6001), 1);
});

Deno.test("OpenWires.closeAll() resolves at once if no connection is open", async () => {
  await new OpenWires().closeAll();
});
