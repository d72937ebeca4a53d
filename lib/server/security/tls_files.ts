import { errorMessage } from "../../cli/error_message.ts";

/** A certificate chain and its private key, both in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate or key file cannot be read. */
export class TlsFileError extends Error {
  override readonly name = "TlsFileError";
}

/**
 * Reads the files of `--tls-cert` and `--tls-key`; undefined if neither flag is set.
 *
 * @throws {TlsFileError} If a file cannot be read.
 */
export async function readTlsFiles(
  { tlsCert, tlsKey }: { readonly tlsCert: string; readonly tlsKey: string },
): Promise<TlsFiles | undefined> {
  if (tlsCert === "") return undefined;
  return { cert: await read("--tls-cert", tlsCert), key: await read("--tls-key", tlsKey) };
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new TlsFileError(`Cannot read ${flag} ${path}: ${errorMessage(cause)}`, { cause });
  }
}
