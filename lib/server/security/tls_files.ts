import type { ServerConfig } from "../config.ts";

/** A certificate chain and its private key, both in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A file of TLS cannot be read. */
export class TlsFileError extends Error {
  override readonly name = "TlsFileError";
}

/**
 * Reads the files that `--tls-cert` and `--tls-key` name; undefined if they name none.
 *
 * @throws {TlsFileError} If one cannot be read.
 */
export async function readTlsFiles(
  { tlsCert, tlsKey }: Pick<ServerConfig, "tlsCert" | "tlsKey">,
): Promise<TlsFiles | undefined> {
  if (tlsCert === "") return undefined;
  return { cert: await read("--tls-cert", tlsCert), key: await read("--tls-key", tlsKey) };
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlsFileError(`Cannot read the file of ${flag}: ${path} (${reason})`, { cause });
  }
}
