import { assertEquals } from "@std/assert";
import { CLIENT_CURVE, COMPARISONS, SIZE_CURVE, SOAK, STALLS } from "./scenarios.ts";

const ALL = [...COMPARISONS, ...STALLS, ...CLIENT_CURVE, ...SIZE_CURVE, SOAK];

Deno.test("each scenario has its own name", () => {
  assertEquals(new Set(ALL.map(({ name }) => name)).size, ALL.length);
});

Deno.test("each room has equally many clients, and clients stall only in a single room", () => {
  for (const { name, clients, rooms, stalled } of ALL) {
    assertEquals([clients % rooms, rooms === 1 || stalled === 0], [0, true], name);
  }
});

Deno.test("the names of the scenarios with rooms say so", () => {
  const withRooms = ALL.filter(({ rooms }) => rooms > 1);
  assertEquals(withRooms.length, 4);
  assertEquals(ALL.filter(({ name }) => name.includes("rooms")), withRooms);
});
