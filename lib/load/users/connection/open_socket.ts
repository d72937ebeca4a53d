import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { hostOf, lookupOf, type NameLookup } from "./name_lookup.ts";

/** What {@linkcode openSocket} needs to know of a `Target`. */
interface SocketTarget {
  readonly url: string;
  readonly caCerts: string | undefined;
  readonly isInsecure: boolean;
  readonly lookup: NameLookup | undefined;
  readonly localAddresses: readonly string[];
}

/**
 * Opens a TCP or TLS connection to the server.
 *
 * @param turn Connections take turns over the addresses of the target.
 */
export function openSocket(target: SocketTarget, turn: number): Socket {
  const { url, caCerts, isInsecure, lookup } = target;
  const localAddress = localAddressOf(target, turn);
  const { protocol, port } = new URL(url);
  const host = hostOf(new URL(url));
  const isSecure = protocol === "wss:";
  const options = {
    host,
    port: Number(port || (isSecure ? 443 : 80)),
    allowHalfOpen: true,
    ...(lookup && "addresses" in lookup ? { lookup: lookupOf(lookup.addresses, turn) } : {}),
    ...(localAddress === undefined ? {} : { localAddress, family: isIP(localAddress) }),
  };
  if (!isSecure) return connectTcp(options);
  return connectTls({
    ...options,
    rejectUnauthorized: !isInsecure,
    ...(caCerts === undefined ? {} : { ca: caCerts }),
    // The server name must be a name, not an address (RFC 6066 section 3).
    ...(/[a-z]/i.test(host) ? { servername: host } : {}),
  });
}

/** The address of this machine to connect from; undefined lets the system choose. */
export function localAddressOf(
  { localAddresses }: Pick<SocketTarget, "localAddresses">,
  turn: number,
): string | undefined {
  return localAddresses[turn % localAddresses.length];
}
