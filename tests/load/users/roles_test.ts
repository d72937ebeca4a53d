import { assertEquals } from "@std/assert";
import { parseSlow, rolesOf } from "../../../lib/load/users/roles.ts";

for (
  const [slow, slowCount, slowBytesPerSecond] of [
    ["0", 0, 0],
    ["3", 3, 0],
    ["25%", 5, 0],
    ["3:64KiB/s", 3, 65536],
    ["10%:3KiB/s", 2, 3072],
    ["1:600/m", 1, 10],
  ] as const
) {
  Deno.test(`rolesOf() understands --slow ${slow}`, () => {
    assertEquals(rolesOf({ count: 20, senders: 0, publish: "socket", sse: "0", slow }), {
      senderCount: 20 - slowCount,
      eventCount: 0,
      slowCount,
      slowBytesPerSecond,
    });
  });
}

for (const text of ["", "x", "101%", "-1", "1:", "1:0", "1:0/s", "1:3KB/s", "1:3KiB", ":3KiB/s"]) {
  Deno.test(`parseSlow() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseSlow(text), undefined);
  });
}
