import { assertEquals, assertThrows } from "@std/assert";
import { broadcast } from "../../lib/chat/broadcast.ts";
import { type Connection, Registry } from "../../lib/chat/registry.ts";

class FakeConnection implements Connection {
  readonly got: (string | ArrayBuffer)[] = [];
  isOpen = true;
  fault: Error | undefined;

  constructor(readonly id: string) {}

  send(message: string | ArrayBuffer): void {
    if (this.fault) throw this.fault;
    this.got.push(message);
  }
}

function room(...ids: string[]) {
  const registry = new Registry<FakeConnection>();
  const members = ids.map((id) => new FakeConnection(id));
  for (const member of members) registry.add(member);
  return { registry, members };
}

Deno.test("broadcast() sends to everybody but the sender", () => {
  const { registry, members } = room("a", "b", "c");
  const { delivered, failed } = broadcast(registry, "b", "hi", { echo: false });
  assertEquals(members.map(({ got }) => got), [["hi"], [], ["hi"]]);
  assertEquals([delivered, failed.length], [2, 0]);
});

Deno.test("broadcast() with echo sends to the sender too", () => {
  const { registry, members } = room("a", "b");
  broadcast(registry, "b", "hi", { echo: true });
  assertEquals(members.map(({ got }) => got), [["hi"], ["hi"]]);
});

Deno.test("broadcast() passes by a connection that is closing", () => {
  const { registry, members } = room("a", "b", "c");
  members[1]!.isOpen = false;
  const { delivered } = broadcast(registry, "a", "hi", { echo: false });
  assertEquals(members.map(({ got }) => got), [[], [], ["hi"]]);
  assertEquals(delivered, 1);
});

Deno.test("broadcast() reports a connection that throws, and reaches those after it", () => {
  const { registry, members } = room("a", "b", "c");
  const fault = new Error("broken");
  members[1]!.fault = fault;
  const { delivered, failed } = broadcast(registry, "a", "hi", { echo: false });
  assertEquals(members[2]!.got, ["hi"]);
  assertEquals(delivered, 1);
  assertEquals(failed, [{ connection: members[1]!, error: fault }]);
});

Deno.test("Registry.add() refuses a UUID that is taken", () => {
  const { registry } = room("a");
  assertThrows(() => registry.add(new FakeConnection("a")), RangeError, "a");
});

Deno.test("Registry.remove() twice is harmless", () => {
  const { registry } = room("a", "b");
  assertEquals([registry.remove("a"), registry.remove("a")], [true, false]);
  assertEquals([registry.size, registry.has("a"), registry.has("b")], [1, false, true]);
});
