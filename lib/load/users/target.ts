import type { ClientConfig } from "../config.ts";
import type { Target } from "./connect.ts";

/** The file of `--cacert` cannot be read. */
export class CaCertError extends Error {
  override readonly name = "CaCertError";
}

/**
 * What the users connect to, as the flags say it.
 *
 * @throws {CaCertError} If the file of `--cacert` cannot be read.
 */
export async function targetOf(config: ClientConfig): Promise<Target> {
  const { header, origin, protocol, token, cacert, insecure } = config;
  const headers = new Map<string, string>();
  for (const each of header) {
    const colon = each.indexOf(":");
    const name = each.slice(0, colon).toLowerCase();
    const value = each.slice(colon + 1).trim();
    const before = headers.get(name);
    // One field for several of a name, as RFC 9110 section 5.3 has it.
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (origin !== "") headers.set("origin", origin);
  if (token !== "") headers.set("authorization", `Bearer ${token}`);
  const url = new URL(config.url);
  if (config.room !== "") url.searchParams.set("room", config.room);
  return {
    url: url.href,
    headers: Object.fromEntries(headers),
    protocols: protocol,
    caCerts: cacert === "" ? undefined : await readCaCerts(cacert),
    isInsecure: insecure,
  };
}

async function readCaCerts(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CaCertError(`Cannot read the file of --cacert: ${path} (${reason})`, { cause });
  }
}
