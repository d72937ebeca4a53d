import { assertEquals, assertThrows } from "@std/assert";
import * as json from "../../../../lib/load/report/saved_run/json_shape.ts";

const SHAPE = json.object<{
  readonly name: string;
  readonly sizes: readonly number[];
  readonly counts: ReadonlyMap<string, number>;
  readonly kind: "a" | "b";
  readonly isOpen: boolean;
  readonly p50: number | undefined;
}>({
  name: json.text,
  sizes: json.list(json.number),
  counts: json.map(json.text, json.count),
  kind: json.oneOf("a", "b"),
  isOpen: json.boolean,
  p50: json.optional(json.number),
});

const VALID = {
  name: "n",
  sizes: [1, 2.5],
  counts: [["x", 3]],
  kind: "b",
  isOpen: true,
  p50: null,
};

Deno.test("object() reads each field, and leaves out fields that it does not know", () => {
  assertEquals(SHAPE({ ...VALID, later: 1 }, ""), {
    name: "n",
    sizes: [1, 2.5],
    counts: new Map([["x", 3]]),
    kind: "b",
    isOpen: true,
    p50: undefined,
  });
});

Deno.test("object() leaves out a field that is missing, and may be", () => {
  const { p50: _, ...rest } = VALID;
  assertEquals(Object.keys(SHAPE(rest, "")), Object.keys(rest));
});

Deno.test("object() keeps the order of the fields", () => {
  const { kind, ...rest } = VALID;
  assertEquals(Object.keys(SHAPE({ kind, ...rest }, ""))[0], "kind");
});

for (
  const [part, fault] of [
    [{ name: 5 }, "run.name must be a text"],
    [{ name: undefined }, "run.name is missing"],
    [{ sizes: [1, "2"] }, "run.sizes[1] must be a number"],
    [{ sizes: {} }, "run.sizes must be a list"],
    [{ counts: [["x"]] }, "run.counts[0] must be a pair"],
    [{ counts: [["x", -1]] }, "run.counts[0][1] must be a whole number that is not negative"],
    [{ kind: "c" }, "run.kind must be one of a, b"],
    [{ isOpen: 1 }, "run.isOpen must be true or false"],
    [{ p50: "1" }, "run.p50 must be a number"],
  ] as const
) {
  Deno.test(`object() throws for ${JSON.stringify(part)}`, () => {
    assertThrows(() => SHAPE({ ...VALID, ...part }, "run"), json.ShapeError, fault);
  });
}

Deno.test("object() throws for a value that is no object", () => {
  for (const value of [null, 5, "x", []]) {
    assertThrows(() => SHAPE(value, "run"), json.ShapeError, "run must be an object");
  }
});
