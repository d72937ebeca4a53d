import type { ClientConfig } from "./config.ts";
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
  const { url, header, origin, protocol, token, cacert, insecure } = config;
  const headers = Object.fromEntries(header.map((each): [string, string] => {
    const colon = each.indexOf(":");
    return [each.slice(0, colon), each.slice(colon + 1).trim()];
  }));
  return {
    url,
    headers: {
      ...headers,
      ...(origin === "" ? {} : { Origin: origin }),
      ...(token === "" ? {} : { Authorization: `Bearer ${token}` }),
    },
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
