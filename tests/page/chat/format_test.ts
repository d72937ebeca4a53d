import { assert, assertEquals } from "@std/assert";
import {
  displayName,
  formatCount,
  formatDay,
  hueOf,
  initialOf,
} from "../../../lib/server/page/chat/format.js";

Deno.test("formatDay() names days as people do, by the calendar of the reader", () => {
  const now = new Date(2026, 10, 26, 0, 5);
  assertEquals(formatDay(new Date(2026, 10, 26, 0, 0), now), "Today");
  assertEquals(formatDay(new Date(2026, 10, 25, 23, 59), now), "Yesterday");
  assertEquals(formatDay(new Date(2026, 10, 24, 12, 0), now), "Tuesday, November 24");
  assertEquals(formatDay(new Date(2025, 11, 31, 12, 0), now), "December 31, 2025");
});

Deno.test("displayName() tells guests apart, and says what came over HTTP", () => {
  assertEquals(displayName({ id: "019b-0a1b", name: "Ann" }), "Ann");
  assertEquals(displayName({ id: "019b-0a1b", name: null }), "Guest 0a1b");
  assertEquals(displayName({ id: null, name: null }), "HTTP");
  assertEquals(displayName({ id: null, name: "Robot" }), "Robot");
});

Deno.test("hueOf() spreads ids over all hues, and gives an id always the same", () => {
  const hues = Array.from({ length: 3_600 }, (_, at) => hueOf(`019b0000-0000-7000-8000-${at}`));
  assertEquals(hueOf("019b0000-0000-7000-8000-7"), hues[7]);
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = hues.filter((hue) => Math.floor(hue / 36) === tenth).length;
    assert(count > 250 && count < 470, `${count} of 3,600 hues from ${tenth * 36}`);
  }
});

Deno.test("initialOf() takes the first letter as readers see it", () => {
  assertEquals(initialOf("ann"), "A");
  assertEquals(initialOf("👩‍🚀 Zoe"), "👩‍🚀");
  assertEquals(initialOf("हिन्दी"), "हि");
  assertEquals(initialOf(""), "");
});

Deno.test("formatCount() groups digits", () => {
  assertEquals(formatCount(1_234_567), "1,234,567");
});
