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
  wires.beginUpgrade(one, { sinceMs: 1000, ip: "", roomName: "tea" });
  wires.beginUpgrade(other, { sinceMs: 2000, ip: "", roomName: "tea" });
  assertEquals([wires.joiningCount("tea"), wires.joiningCount("milk")], [2, 0]);
  assertEquals(wires.sizeWithUpgrades(2000), 3);
  assertEquals(wires.sizeWithUpgrades(5999), 3);
  assertEquals(wires.sizeWithUpgrades(6000), 2);
  wires.endUpgrade(other);
  wires.endUpgrade(one);
  assertEquals(wires.sizeWithUpgrades(6001), 1);
});

Deno.test("OpenWires counts connections and upgrades by address", () => {
  const counts: Record<string, number> = { a: 0, b: 0 };
  const wires = new OpenWires({ enter: (ip) => counts[ip]!++, leave: (ip) => counts[ip]!-- });
  const socket = new EventTarget() as WebSocket;
  const late = new EventTarget() as WebSocket;
  const wire = fakeWire([]);
  wires.add(wire, "a");
  wires.beginUpgrade(late, { sinceMs: 1000, ip: "b", roomName: "tea" });
  wires.beginUpgrade(socket, { sinceMs: 2000, ip: "a", roomName: "tea" });
  assertEquals(counts, { a: 2, b: 1 });
  for (let count = 0; count < 2; count++) wires.endUpgrade(socket);
  for (let count = 0; count < 2; count++) wires.sizeWithUpgrades(6000);
  assertEquals(counts, { a: 1, b: 0 });
  for (let count = 0; count < 2; count++) wires.delete(wire);
  assertEquals(counts, { a: 0, b: 0 });
});

Deno.test("OpenWires.closeAll() resolves at once if no connection is open", async () => {
  await new OpenWires().closeAll();
});
