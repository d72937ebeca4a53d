import { isIP } from "node:net";

/** An IP address in its one spelling, so that equal addresses are equal texts. */
export interface IpAddress {
  readonly text: string;
  readonly family: "ipv4" | "ipv6";
}

/**
 * Parses an IP address. An IPv4 address in IPv6 (`::ffff:192.0.2.1`), as sockets that listen on
 * both report it, is the IPv4 address.
 *
 * @returns Undefined if the text is something else, such as an address with a port.
 */
export function parseIp(text: string): IpAddress | undefined {
  const version = isIP(text);
  // A part of a string retains the whole string: here the head of a request. This one is new.
  if (version === 4) return { text: text.split(".").map(Number).join("."), family: "ipv4" };
  if (version !== 6) return undefined;
  // The zone, as in fe80::1%eth0, is no part of the address.
  const hostname = URL.parse(`http://[${text.replace(/%.*/, "")}]`)?.hostname.slice(1, -1);
  if (hostname === undefined) return undefined;
  const [, high, low] = hostname.match(/^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/) ?? [];
  if (high === undefined) return { text: hostname, family: "ipv6" };
  const bits = parseInt(high, 16) * 0x10000 + parseInt(low!, 16);
  const bytes = [bits >>> 24, bits >>> 16 & 255, bits >>> 8 & 255, bits & 255];
  return { text: bytes.join("."), family: "ipv4" };
}

/** The IP address of `127.0.0.1:50000`, `[::1]:50000`, or of an address without a port. */
export function ipOf(address: string): string | undefined {
  const ip = address.match(/^\[(.*)\]:\d+$/)?.[1] ?? address.replace(/^([^:]*):\d+$/, "$1");
  return parseIp(ip)?.text;
}

/**
 * Returns what limits per address count by: an IPv4 address itself, and the first 64 bits of an
 * IPv6 address, because one client usually has all addresses that begin with them.
 *
 * @param ip An IP address. Any other text stands for itself.
 */
export function addressKey(ip: string): string {
  if (!ip.includes(":")) return ip;
  const address = parseIp(ip);
  if (address?.family !== "ipv6") return address?.text ?? ip;
  return `${groupsOf(address.text).slice(0, 4).join(":")}::/64`;
}

/** Returns the eight groups of an IPv6 address in its one spelling, in hexadecimal. */
export function groupsOf(text: string): string[] {
  const [head = "", tail] = text.split("::");
  const before = head === "" ? [] : head.split(":");
  if (tail === undefined) return before;
  const after = tail === "" ? [] : tail.split(":");
  return [...before, ...Array(8 - before.length - after.length).fill("0"), ...after];
}
