import { isIP } from "node:net";

/**
 * What the first bytes of a connection are to the PROXY protocol:
 *
 * - `none`: they are something else;
 * - `partial`: more bytes are needed;
 * - `header`: a whole header, `length` bytes long. It has no source if the proxy connects for
 *   itself, as for a health check, or does not know the client;
 * - `malformed`: a header with a fault.
 */
export type ProxyHeaderResult =
  | { readonly kind: "none" }
  | { readonly kind: "partial" }
  | { readonly kind: "header"; readonly length: number; readonly source: Source | undefined }
  | { readonly kind: "malformed"; readonly reason: string };

/** The client's address and port, as a proxy tells it. */
export interface Source {
  readonly hostname: string;
  readonly port: number;
}

const V1_PREFIX = new TextEncoder().encode("PROXY ");
const V2_SIGNATURE = new TextEncoder().encode("\r\n\r\n\0\r\nQUIT\n");

/** The longest header of version 1. */
const MAX_V1_BYTES = 107;

/** The fixed part of a header of version 2. */
const V2_HEAD_BYTES = 16;

/** The longest rest of a header of version 2 that is accepted. Proxies send less than 1 KiB. */
const MAX_V2_REST_BYTES = 4096;

/** The longest header that can be `partial`. */
export const MAX_PROXY_HEADER_BYTES = V2_HEAD_BYTES + MAX_V2_REST_BYTES;

/**
 * Parses the header of the PROXY protocol, in version 1 or 2, at the beginning of a connection. See
 * https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt.
 *
 * @param bytes All bytes of the connection so far.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  if (startsAlike(bytes, V1_PREFIX)) {
    return bytes.length < V1_PREFIX.length ? { kind: "partial" } : parseV1(bytes);
  }
  if (startsAlike(bytes, V2_SIGNATURE)) {
    return bytes.length < V2_HEAD_BYTES ? { kind: "partial" } : parseV2(bytes);
  }
  return { kind: "none" };
}

/** Whether two byte strings are equal as far as both go. */
function startsAlike(bytes: Uint8Array, prefix: Uint8Array): boolean {
  const length = Math.min(bytes.length, prefix.length);
  for (let at = 0; at < length; at++) if (bytes[at] !== prefix[at]) return false;
  return true;
}

function parseV1(bytes: Uint8Array): ProxyHeaderResult {
  const end = bytes.subarray(0, MAX_V1_BYTES).indexOf(10);
  if (end < 0) {
    return bytes.length < MAX_V1_BYTES
      ? { kind: "partial" }
      : malformed(`the line is longer than ${MAX_V1_BYTES} bytes`);
  }
  const line = String.fromCharCode(...bytes.subarray(0, end + 1));
  const length = end + 1;
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) {
    return { kind: "header", length, source: undefined };
  }
  const [, version, hostname = "", destination = "", port, destinationPort] =
    line.match(/^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/) ?? [];
  const isValid = isIP(hostname) === Number(version) && isIP(destination) === Number(version) &&
    Number(port) <= 65535 && Number(destinationPort) <= 65535;
  if (!isValid) return malformed("the line has no valid addresses and ports");
  return { kind: "header", length, source: { hostname, port: Number(port) } };
}

/** The commands, in the low bits of byte 12, whose high bits are the version. */
const LOCAL = 0x20, PROXY = 0x21;

/** The protocols in byte 13 whose addresses are understood. Others have no IP address. */
const TCP4 = 0x11, TCP6 = 0x21;

function parseV2(bytes: Uint8Array): ProxyHeaderResult {
  const [command, protocol] = bytes.subarray(12);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const restBytes = view.getUint16(14);
  if (command !== LOCAL && command !== PROXY) return malformed("its version or command is unknown");
  if (restBytes > MAX_V2_REST_BYTES) {
    return malformed(`it is longer than ${MAX_PROXY_HEADER_BYTES} bytes`);
  }
  const length = V2_HEAD_BYTES + restBytes;
  const addressBytes = protocol === TCP4 ? 4 : protocol === TCP6 ? 16 : 0;
  const hasSource = command === PROXY && addressBytes > 0;
  // Two addresses and two ports. What follows them are extensions.
  if (hasSource && restBytes < 2 * addressBytes + 4) return malformed("its addresses are cut off");
  if (bytes.length < length) return { kind: "partial" };
  if (!hasSource) return { kind: "header", length, source: undefined };
  const address = bytes.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + addressBytes);
  const hostname = protocol === TCP4 ? address.join(".") : ipv6Of(address);
  const port = view.getUint16(V2_HEAD_BYTES + 2 * addressBytes);
  return { kind: "header", length, source: { hostname, port } };
}

function ipv6Of(bytes: Uint8Array): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => (bytes[2 * index]! << 8 | bytes[2 * index + 1]!).toString(16),
  );
  // In its one spelling, with the longest run of zeros as ::.
  return URL.parse(`http://[${groups.join(":")}]`)!.hostname.slice(1, -1);
}

function malformed(reason: string): ProxyHeaderResult {
  return { kind: "malformed", reason: `The PROXY header is malformed: ${reason}` };
}
