import { X509Certificate } from "node:crypto";
import { readFailure } from "../../../cli/read_failure.ts";
import type { HeartbeatOptions } from "../../../websocket/heartbeat.ts";
import { type ClientConfig, isMeasured } from "../../config.ts";
import type { Target } from "./connect.ts";
import { checkLocalAddresses } from "./local_address.ts";

/** The deadlines of the server. */
const DEADLINES: HeartbeatOptions = {
  pingIntervalMs: 5000,
  pongTimeoutMs: 5000,
  stallTimeoutMs: 0,
  closeTimeoutMs: 5000,
};

/** A server does not read from senders while all readers are slow: Chorus for up to 15 s. */
const MEASURED_DEADLINES = { ...DEADLINES, pongTimeoutMs: 20_000 };

/** The file of `--cacert` cannot be read, or contains no certificates. */
export class CaCertError extends Error {
  override readonly name = "CaCertError";
}

/**
 * Makes the target of all connections from the flags.
 *
 * Headers of one name become one field, as RFC 9110 section 5.3 allows. `--origin` and `--token`
 * replace a header.
 *
 * @throws {CaCertError} If the file of `--cacert` cannot be read, or contains no certificates.
 * @throws {LocalAddressError} If this machine does not have an address of `--local-address`.
 */
export async function targetOf(config: ClientConfig): Promise<Target> {
  const { header, origin, protocol, token, cacert, insecure, localAddress } = config;
  checkLocalAddresses(localAddress);
  const headers = new Map<string, string>();
  for (const each of header) {
    const colon = each.indexOf(":");
    const name = each.slice(0, colon).toLowerCase();
    const value = each.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (origin !== "") headers.set("origin", origin);
  if (token !== "") headers.set("authorization", `Bearer ${token}`);
  const url = new URL(config.url);
  if (config.room !== "" && config.rooms === 0) url.searchParams.set("room", config.room);
  return {
    url: url.href,
    headers: Object.fromEntries(headers),
    protocols: protocol,
    caCerts: cacert === "" ? undefined : await readCaCerts(cacert),
    isInsecure: insecure,
    lookup: undefined,
    localAddresses: localAddress,
    deadlines: isMeasured(config) ? MEASURED_DEADLINES : DEADLINES,
  };
}

async function readCaCerts(path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const message = `Cannot read the file of --cacert: ${path} (${readFailure(cause)})`;
    throw new CaCertError(message, { cause });
  }
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g);
  if (!certificates) {
    const found = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text)?.[1]?.toLowerCase();
    const reason = found ? `it contains a ${found}` : "it contains no certificate in PEM";
    throw new CaCertError(`Cannot use the file of --cacert, because ${reason}: ${path}`);
  }
  try {
    for (const certificate of certificates) new X509Certificate(certificate);
  } catch (cause) {
    const message =
      `Cannot use the file of --cacert, because a certificate in it is damaged: ${path}`;
    throw new CaCertError(message, { cause });
  }
  return text;
}
