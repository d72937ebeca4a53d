import { assertEquals, assertThrows } from "@std/assert";
import { Registry } from "../../lib/chat/registry.ts";

Deno.test("Registry.add() refuses a UUID that is taken", () => {
  const registry = new Registry<{ id: string }>();
  registry.add({ id: "a" });
  assertThrows(() => registry.add({ id: "a" }), RangeError, "a");
});

Deno.test("Registry.remove() twice is harmless", () => {
  const registry = new Registry<{ id: string }>();
  registry.add({ id: "a" });
  registry.add({ id: "b" });
  assertEquals([registry.remove("a"), registry.remove("a")], [true, false]);
  assertEquals([registry.size, registry.has("a"), registry.has("b")], [1, false, true]);
});
