import { BlockList } from "node:net";
import type { FieldMap } from "../../websocket/http_head.ts";
import { groupsOf, type IpAddress, parseIp } from "./ip_address.ts";

/** A header in which a proxy tells the address of its client. */
export type ProxyHeader = "x-forwarded-for" | "forwarded";

/** A parsed value of `--trust-proxy`: the network, and the length of its prefix in bits. */
export interface Cidr extends IpAddress {
  readonly prefix: number;
}

/** Which proxies to believe. Each field is the server's flag of the same name. */
export interface ProxyConfig {
  readonly trustProxy: readonly string[];
  readonly proxyHeader: ProxyHeader;
}

/**
 * Parses a value of `--trust-proxy`: a network such as `10.0.0.0/8`, or one address.
 *
 * @returns The network; or what to write instead, as `a network such as 10.0.0.0/8`.
 */
export function parseCidr(text: string): Cidr | string {
  const [, ip = "", digits] = text.match(/^([^/]*)(?:\/(\d{1,3}))?$/) ?? [];
  const address = parseIp(ip);
  if (!address || ip.includes("%")) {
    return "an address or a network, such as 192.0.2.1, 10.0.0.0/8, or 2001:db8::/32";
  }
  const bits = address.family === "ipv4" ? 32 : 128;
  // A prefix that was written for ::ffff:10.0.0.0 counts the 96 bits before the IPv4 address.
  const isMapped = address.family === "ipv4" && ip.includes(":");
  const prefix = digits === undefined ? bits : Number(digits) - (isMapped ? 96 : 0);
  if (prefix < 0 || prefix > bits) return `a network with a prefix from 0 to ${bits}`;
  const network = networkOf(address, prefix);
  // The whole network may not be what is meant, so it is not trusted silently.
  if (network !== address.text) {
    return `either the network ${network}/${prefix} or the address ${address.text}`;
  }
  return { ...address, prefix };
}

/**
 * The proxies in front of the server, as `--trust-proxy` names them. From them alone, the server
 * believes the address of the client.
 */
export class Proxies {
  readonly #trusted = new BlockList();
  readonly #header: ProxyHeader;
  /** Whether any proxy is trusted. */
  readonly isEmpty: boolean;

  /**
   * @param header The only header that is read. A proxy that sets one of the two passes the other
   * on as the client has sent it, so reading both would let clients choose their address.
   */
  constructor(cidrs: readonly Cidr[], header: ProxyHeader) {
    this.#header = header;
    this.isEmpty = cidrs.length === 0;
    for (const { text, prefix, family } of cidrs) this.#trusted.addSubnet(text, prefix, family);
  }

  /** Creates the proxies of a configuration whose values are valid. */
  static of({ trustProxy, proxyHeader }: ProxyConfig): Proxies {
    const cidrs = trustProxy.map(parseCidr).filter((cidr) => typeof cidr !== "string");
    return new Proxies(cidrs, proxyHeader);
  }

  /** Whether an IP address is that of a trusted proxy. */
  isTrusted(ip: string): boolean {
    if (this.isEmpty) return false;
    const address = parseIp(ip);
    return address !== undefined && this.#trusts(address);
  }

  /**
   * Finds the IP address of the client. Each proxy appends the address of its peer to the header.
   * So the list is read from its end, as long as the addresses are those of trusted proxies. What
   * is before the first other address is only a claim of the client. An entry without an address,
   * such as `unknown`, ends the search at the last proxy.
   *
   * @param peer The IP address of the other end of the connection.
   */
  clientOf(peer: string, headers: FieldMap): string {
    if (!this.isTrusted(peer)) return peer;
    const list = headers.get(this.#header);
    if (list === null) return peer;
    let client = peer;
    for (const entry of entriesFromEnd(list)) {
      const node = this.#header === "forwarded" ? forNode(entry) : entry;
      const address = node === undefined ? undefined : parseNode(node);
      if (!address) break;
      client = address.text;
      if (!this.#trusts(address)) break;
    }
    return client;
  }

  #trusts({ text, family }: IpAddress): boolean {
    return this.#trusted.check(text, family);
  }
}

/**
 * Yields the entries of a comma-separated list, the last one first. A comma in quotes separates
 * nothing. Quotes are matched from the end as well: an open quote of the client must not swallow
 * what the proxies have appended.
 */
function* entriesFromEnd(list: string): Generator<string> {
  let end = list.length;
  let isQuoted = false;
  for (let at = list.length - 1; at >= 0; at--) {
    if (list[at] === '"') isQuoted = !isQuoted;
    else if (list[at] === "," && !isQuoted) {
      yield list.slice(at + 1, end).trim();
      end = at;
    }
  }
  yield list.slice(0, end).trim();
}

/** Returns the value of `for` in an element of `Forwarded` (RFC 7239 section 4). */
function forNode(element: string): string | undefined {
  const pairs = element.split(";").map((pair) => pair.trim());
  const values = pairs.flatMap((pair) => pair.match(/^for=(?:"([^"\\]*)"|([^"\s]*))$/i) ?? [])
    .filter((each) => each !== undefined);
  // The whole match, and one of the groups.
  return values.length === 2 ? values[1] : undefined;
}

/** Parses an address that may have a port, and brackets if it is IPv6. */
function parseNode(node: string): IpAddress | undefined {
  const [, bracketed] = node.match(/^\[([^\]]*)\](?::\d{1,5})?$/) ?? [];
  if (bracketed !== undefined) return bracketed.includes(":") ? parseIp(bracketed) : undefined;
  const [, ipv4] = node.match(/^([\d.]+):\d{1,5}$/) ?? [];
  return parseIp(ipv4 ?? node);
}

/** Returns an address with all bits after the prefix set to 0. */
function networkOf({ text, family }: IpAddress, prefix: number): string {
  const isIpv4 = family === "ipv4";
  const width = isIpv4 ? 8 : 16;
  const groups = isIpv4
    ? text.split(".").map(Number)
    : groupsOf(text).map((group) => parseInt(group, 16));
  const masked = groups.map((group, index) => {
    const kept = Math.min(width, Math.max(0, prefix - index * width));
    return group & (2 ** width - 2 ** (width - kept));
  });
  if (isIpv4) return masked.join(".");
  return parseIp(masked.map((group) => group.toString(16)).join(":"))!.text;
}
