import { assertEquals } from "@std/assert";
import { parseCidr, Proxies, type ProxyHeader } from "../../../lib/server/security/proxies.ts";

function proxiesOf(texts: readonly string[], header: ProxyHeader = "x-forwarded-for"): Proxies {
  const cidrs = texts.map(parseCidr).map((cidr) => {
    if (typeof cidr === "string") throw new Error(cidr);
    return cidr;
  });
  return new Proxies(cidrs, header);
}

const CIDRS: readonly [text: string, parsed: string][] = [
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["192.0.2.1", "192.0.2.1/32"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["2001:DB8::/32", "2001:db8::/32"],
  ["2001:db8::1", "2001:db8::1/128"],
  ["::/0", "::/0"],
  ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ["192.0.2.128/25", "192.0.2.128/25"],
  ["2001:db8:0:80::/57", "2001:db8:0:80::/57"],
];

for (const [text, expected] of CIDRS) {
  Deno.test(`parseCidr() reads ${text} as ${expected}`, () => {
    const cidr = parseCidr(text);
    assertEquals(typeof cidr === "string" ? cidr : `${cidr.text}/${cidr.prefix}`, expected);
  });
}

const WRONG_CIDRS: readonly [text: string, mustBe: string][] = [
  ["10.1.2.3/8", "either the network 10.0.0.0/8 or the address 10.1.2.3"],
  ["192.0.2.129/25", "either the network 192.0.2.128/25 or the address 192.0.2.129"],
  ["2001:db8:1::/32", "either the network 2001:db8::/32 or the address 2001:db8:1::"],
  ["10.0.0.0/33", "a network with a prefix from 0 to 32"],
  ["2001:db8::/129", "a network with a prefix from 0 to 128"],
  ["::ffff:10.0.0.0/8", "a network with a prefix from 0 to 32"],
  ...["", "10.0.0.0/", "10.0.0.0/x", "proxy.example", "10.0.0/8", "fe80::%eth0/64", "[::1]"].map((
    text,
  ): [string, string] => [
    text,
    "an address or a network, such as 192.0.2.1, 10.0.0.0/8, or 2001:db8::/32",
  ]),
];

for (const [text, mustBe] of WRONG_CIDRS) {
  Deno.test(`parseCidr() refuses "${text}"`, () => assertEquals(parseCidr(text), mustBe));
}

const PEER = "10.0.0.1";

/** The client behind 10.0.0.1, with 10.0.0.0/8 and 2001:db8::/32 trusted. */
const FORWARDED_FOR: readonly [list: string | null, client: string, what: string][] = [
  [null, PEER, "no header"],
  ["", PEER, "an empty header"],
  ["192.0.2.1", "192.0.2.1", "one client"],
  ["6.6.6.6, 192.0.2.1", "192.0.2.1", "a claim of the client before its address"],
  ["6.6.6.6,10.9.9.9, 192.0.2.1 ,10.0.0.2", "192.0.2.1", "a chain of proxies"],
  ["10.0.0.3, 10.0.0.2", "10.0.0.3", "only proxies"],
  ["192.0.2.1:4711", "192.0.2.1", "a port"],
  ["[2a00::1]:4711", "2a00::1", "a port after brackets"],
  ["[2a00::1]", "2a00::1", "brackets"],
  ["2A00:0:0::1", "2a00::1", "bare IPv6"],
  ["::ffff:192.0.2.1", "192.0.2.1", "a mapped address"],
  ["192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1", "a mapped proxy"],
  ["192.0.2.1, 2001:db8::2", "192.0.2.1", "an IPv6 proxy"],
  ["unknown", PEER, "unknown"],
  ["192.0.2.1, unknown, 10.0.0.2", "10.0.0.2", "unknown in the chain"],
  ["192.0.2.1, _hidden", PEER, "an obfuscated node"],
  ["192.0.2.1,", PEER, "an empty last entry"],
  ["192.0.2.1, <script>", PEER, "garbage"],
  ["[192.0.2.1]", PEER, "brackets around IPv4"],
  ["192.0.2.1:port", PEER, "a port that is no number"],
  [`"192.0.2.1`, PEER, "an open quote"],
];

for (const [list, client, what] of FORWARDED_FOR) {
  Deno.test(`Proxies.clientOf() reads X-Forwarded-For with ${what}`, () => {
    const proxies = proxiesOf(["10.0.0.0/8", "2001:db8::/32"]);
    const headers = new Map(list === null ? [] : [["x-forwarded-for", list]]);
    headers.set("forwarded", "for=7.7.7.7");
    assertEquals(proxies.clientOf(PEER, { get: (name) => headers.get(name) ?? null }), client);
  });
}

const FORWARDED: readonly [list: string, client: string, what: string][] = [
  ["for=192.0.2.1", "192.0.2.1", "one client"],
  ["For=192.0.2.1;proto=https;by=10.0.0.1", "192.0.2.1", "other parameters"],
  ["proto=https; for=192.0.2.1 ; host=a", "192.0.2.1", "spaces"],
  [`for="192.0.2.1:4711"`, "192.0.2.1", "a quoted port"],
  [`for="[2a00::1]:4711"`, "2a00::1", "quoted IPv6"],
  [`for=6.6.6.6, for=192.0.2.1, for="[2001:db8::2]"`, "192.0.2.1", "a chain of proxies"],
  [`for="6.6.6.6, for=192.0.2.1`, "192.0.2.1", "an open quote of the client"],
  [`for="6.6.6.6\\", for="192.0.2.1"`, "192.0.2.1", "an escaped quote of the client"],
  [`for=192.0.2.1;host="a,b"`, "192.0.2.1", "a comma in quotes"],
  ["for=192.0.2.1, proto=https", PEER, "no for in the last element"],
  ["for=192.0.2.1;for=192.0.2.2", PEER, "two for in one element"],
  [`for="unknown"`, PEER, "unknown"],
  ["for=_hidden", PEER, "an obfuscated node"],
  ["192.0.2.1", PEER, "a bare address"],
  ["for=", PEER, "an empty node"],
];

for (const [list, client, what] of FORWARDED) {
  Deno.test(`Proxies.clientOf() reads Forwarded with ${what}`, () => {
    const proxies = proxiesOf(["10.0.0.0/8", "2001:db8::/32"], "forwarded");
    const headers = new Headers({ forwarded: list, "x-forwarded-for": "7.7.7.7" });
    assertEquals(proxies.clientOf(PEER, headers), client);
  });
}

Deno.test("Proxies.clientOf() believes nobody but the trusted proxies", () => {
  const headers = new Headers({ "x-forwarded-for": "6.6.6.6" });
  assertEquals(proxiesOf([]).clientOf(PEER, headers), PEER);
  assertEquals(proxiesOf(["10.0.0.2"]).clientOf(PEER, headers), PEER);
  assertEquals(proxiesOf(["10.0.0.1"]).clientOf("::ffff:10.0.0.1", headers), "6.6.6.6");
  assertEquals(proxiesOf(["::/0"]).clientOf(PEER, headers), PEER);
});

Deno.test("Proxies.clientOf() reads a list of 2,000 trusted entries", () => {
  const proxies = proxiesOf(["0.0.0.0/0"]);
  const entries = Array.from({ length: 2000 }, (_, index) => `1.1.1.${index % 256}`);
  const headers = new Headers({ "x-forwarded-for": entries.join() });
  assertEquals(proxies.clientOf(PEER, headers), "1.1.1.0");
});
