import { assertEquals } from "@std/assert";
import { closingOrder } from "../../lib/server/closing_order.ts";

/** Members of rooms with these sizes. */
function membersOf(sizes: readonly number[]): { room: { index: number } }[] {
  return sizes.flatMap((size, index) => {
    const room = { index };
    return Array.from({ length: size }, () => ({ room }));
  });
}

Deno.test("closingOrder() takes members from every room evenly", () => {
  let seed = 1;
  const random = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  const sizes = [1000, 100, 10];
  const members = membersOf(sizes);
  const order = closingOrder(members, random);
  assertEquals(new Set(order), new Set(members));
  for (let tenth = 1; tenth <= 10; tenth++) {
    const closed = order.slice(0, members.length * tenth / 10);
    for (const [index, size] of sizes.entries()) {
      const count = closed.filter(({ room }) => room.index === index).length;
      const isEven = Math.abs(count - size * tenth / 10) <= 2;
      assertEquals(isEven, true, `${count} of ${size} after ${tenth} tenths`);
    }
  }
});

Deno.test("closingOrder() spreads rooms of one member over the order", () => {
  const members = membersOf([4, 1, 1]);
  const shifts = [0.5, 0.9, 0.3];
  const order = closingOrder(members, () => shifts.shift()!);
  assertEquals(order.map(({ room }) => room.index), [0, 2, 0, 0, 0, 1]);
});
