import { assertEquals } from "@std/assert";
import { addressKey, groupsOf, ipOf, parseIp } from "../../../lib/server/security/ip_address.ts";

const PARSED: readonly [text: string, parsed: string | undefined][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:DB8:0:0::1", "2001:db8::1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::FFFF:c000:201", "192.0.2.1"],
  ["::ffff:255.255.255.255", "255.255.255.255"],
  ["fe80::1%eth0", "fe80::1"],
  ["::", "::"],
  ["", undefined],
  ["unknown", undefined],
  ["192.0.2.1:80", undefined],
  ["[2001:db8::1]", undefined],
  ["192.0.2.01", undefined],
  ["192.0.2", undefined],
  ["192.0.2.256", undefined],
  [" 192.0.2.1", undefined],
];

for (const [text, parsed] of PARSED) {
  Deno.test(`parseIp() reads "${text}" as ${parsed}`, () => {
    assertEquals(parseIp(text)?.text, parsed);
    const family = parsed?.includes(":") ? "ipv6" : "ipv4";
    assertEquals(parseIp(text)?.family, parsed && family);
  });
}

Deno.test("addressKey() is an IPv4 address, or the first 64 bits of an IPv6 address", () => {
  assertEquals(addressKey("192.0.2.1"), "192.0.2.1");
  assertEquals(addressKey("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(addressKey("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  assertEquals(addressKey("2001:db8:1:2::ff"), "2001:db8:1:2::/64");
  assertEquals(addressKey("2001:db8::1"), "2001:db8:0:0::/64");
  assertEquals(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  assertEquals(addressKey("::1"), "0:0:0:0::/64");
  assertEquals(addressKey("not:an:address"), "not:an:address");
});

Deno.test("groupsOf() returns eight groups", () => {
  assertEquals(groupsOf("::").join(), "0,0,0,0,0,0,0,0");
  assertEquals(groupsOf("1::").join(), "1,0,0,0,0,0,0,0");
  assertEquals(groupsOf("1:2::8").join(), "1,2,0,0,0,0,0,8");
  assertEquals(groupsOf("1:2:3:4:5:6:7:8").join(), "1,2,3,4,5,6,7,8");
});

Deno.test("ipOf() removes the port and the brackets", () => {
  const addresses = ["127.0.0.1:50000", "[::1]:50000", "192.0.2.1", "2001:db8::1", "x:1"];
  assertEquals(addresses.map(ipOf), [
    ...["127.0.0.1", "::1", "192.0.2.1", "2001:db8::1", undefined],
  ]);
});
