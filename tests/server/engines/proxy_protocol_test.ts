import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
} from "../../../lib/server/engines/proxy_protocol.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

/** A header of version 2. */
function v2(command: number, protocol: number, rest: readonly number[], length = rest.length) {
  return Uint8Array.of(
    ...ascii("\r\n\r\n\0\r\nQUIT\n"),
    ...[command, protocol, length >> 8, length & 255],
    ...rest,
  );
}

const IPV4_REST = [192, 0, 2, 1, 10, 0, 0, 1, 0x12, 0x34, 0, 80];
const IPV6_REST = [0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1, ...Array(16).fill(9), 1, 2, 3, 4];
const TLV = [0x04, 0, 3, 1, 2, 3];

const HEADERS: readonly [what: string, bytes: Uint8Array, source: unknown][] = [
  ["v1 TCP4", ascii("PROXY TCP4 192.0.2.1 10.0.0.1 4660 80\r\n"), {
    hostname: "192.0.2.1",
    port: 4660,
  }],
  ["v1 TCP6", ascii("PROXY TCP6 2001:db8::1 ::1 1 2\r\n"), { hostname: "2001:db8::1", port: 1 }],
  ["v1 UNKNOWN", ascii("PROXY UNKNOWN\r\n"), undefined],
  ["v1 UNKNOWN with more", ascii("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), undefined],
  ["v2 TCP4", v2(0x21, 0x11, IPV4_REST), { hostname: "192.0.2.1", port: 0x1234 }],
  ["v2 TCP6", v2(0x21, 0x21, IPV6_REST), { hostname: "2001:db8::1", port: 0x102 }],
  ["v2 with extensions", v2(0x21, 0x11, [...IPV4_REST, ...TLV]), {
    hostname: "192.0.2.1",
    port: 0x1234,
  }],
  ["v2 LOCAL", v2(0x20, 0x00, []), undefined],
  ["v2 LOCAL with addresses", v2(0x20, 0x11, IPV4_REST), undefined],
  ["v2 UNSPEC", v2(0x21, 0x00, TLV), undefined],
  ["v2 UNIX", v2(0x21, 0x31, Array(216).fill(1)), undefined],
  ["v2 UDP4", v2(0x21, 0x12, IPV4_REST), undefined],
];

for (const [what, bytes, source] of HEADERS) {
  Deno.test(`parseProxyHeader() reads ${what}, in any pieces`, () => {
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(parseProxyHeader(bytes.slice(0, length)), { kind: "partial" });
    }
    const whole = Uint8Array.of(...bytes, ...ascii("GET / HTTP/1.1\r\n"));
    const expected = { kind: "header", length: bytes.length, source };
    assertEquals<unknown>(parseProxyHeader(bytes), expected);
    assertEquals<unknown>(parseProxyHeader(whole), expected);
  });
}

const OTHERS = [
  "GET / HTTP/1.1",
  "POST / HTTP/1.1",
  "PRI * HTTP/2.0",
  "PROX /",
  "\r\nGET /",
  "\x16",
];

for (const text of OTHERS) {
  Deno.test(`parseProxyHeader() finds no header in ${JSON.stringify(text)}`, () => {
    assertEquals(parseProxyHeader(ascii(text)), { kind: "none" });
  });
}

const MALFORMED: readonly [what: string, bytes: Uint8Array][] = [
  ["no address", ascii("PROXY TCP4\r\n")],
  ["IPv6 as TCP4", ascii("PROXY TCP4 ::1 ::1 1 2\r\n")],
  ["IPv4 as TCP6", ascii("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n")],
  ["a wrong destination", ascii("PROXY TCP4 192.0.2.1 here 1 2\r\n")],
  ["a port that is too high", ascii("PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n")],
  ["another protocol", ascii("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n")],
  ["two spaces", ascii("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n")],
  ["a bare line feed", ascii("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n")],
  ["lower case", ascii("PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n")],
  ["a line without an end", ascii(`PROXY UNKNOWN ${"x".repeat(100)}`)],
  ["a line that is too long", ascii(`PROXY UNKNOWN ${"x".repeat(100)}\r\n`)],
  ["version 1 in version 2", v2(0x11, 0x11, IPV4_REST)],
  ["another command", v2(0x22, 0x11, IPV4_REST)],
  ["TCP4 cut off", v2(0x21, 0x11, IPV4_REST.slice(1))],
  ["TCP6 cut off", v2(0x21, 0x21, IPV4_REST)],
  ["a length that is too great", v2(0x21, 0x11, IPV4_REST, 0xffff)],
];

for (const [what, bytes] of MALFORMED) {
  Deno.test(`parseProxyHeader() refuses ${what}`, () => {
    const result = parseProxyHeader(bytes);
    assert(result.kind === "malformed");
    assertMatch(result.reason, /^The PROXY header is malformed: ./);
  });
}

Deno.test("parseProxyHeader() throws for no bytes, and needs no more than its limit", () => {
  let state = 1;
  const random = (below: number) => (state = state * 48271 % 2147483647) % below;
  for (let round = 0; round < 20_000; round++) {
    const bytes = HEADERS[random(HEADERS.length)]![1].slice();
    for (let flips = random(4); flips > 0; flips--) bytes[random(bytes.length)] = random(256);
    const long = new Uint8Array(MAX_PROXY_HEADER_BYTES);
    long.set(bytes);
    assert(parseProxyHeader(bytes));
    assert(parseProxyHeader(long).kind !== "partial");
  }
});
