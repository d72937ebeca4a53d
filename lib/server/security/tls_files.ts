import { createPrivateKey, X509Certificate } from "node:crypto";
import { errorMessage } from "../../cli/error_message.ts";
import { readFailure } from "../../cli/read_failure.ts";

/** A certificate chain and its private key, both in PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The paths of the files. */
export interface TlsPaths {
  readonly tlsCert: string;
  readonly tlsKey: string;
}

/** A certificate or key file cannot be read or used. The message names the file. */
export class TlsFileError extends Error {
  override readonly name = "TlsFileError";
}

/**
 * Reads and checks the files of `--tls-cert` and `--tls-key`; undefined if neither flag is set.
 *
 * @throws {TlsFileError} If a file cannot be read, or no TLS connection would succeed with it.
 */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsFiles | undefined> {
  const { tlsCert, tlsKey } = paths;
  if (tlsCert === "") return undefined;
  const files = { cert: await read("--tls-cert", tlsCert), key: await read("--tls-key", tlsKey) };
  checkTlsFiles(files, paths);
  return files;
}

/**
 * Warns if the server's certificate is outside its time of validity. It can still be used: the
 * clock may be wrong, and clients decide.
 *
 * @returns The text of the warning; undefined if the certificate is valid now.
 */
export function validityWarning(
  { cert }: TlsFiles,
  { tlsCert }: Pick<TlsPaths, "tlsCert">,
  nowMs: number,
): string | undefined {
  const { validFrom, validTo } = new X509Certificate(blocksOf(cert).certificates[0]!);
  if (nowMs > Date.parse(validTo)) {
    return `The certificate in --tls-cert ${tlsCert} has expired: ${validTo}`;
  }
  if (nowMs < Date.parse(validFrom)) {
    return `The certificate in --tls-cert ${tlsCert} is not valid yet: ${validFrom}`;
  }
  return undefined;
}

async function read(flag: string, path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (cause) {
    throw new TlsFileError(`Cannot read ${flag} ${path}: ${readFailure(cause)}`, { cause });
  }
}

/** `createSecureContext()` of Deno 2.9 accepts anything, and then every handshake fails. */
function checkTlsFiles({ cert, key }: TlsFiles, { tlsCert, tlsKey }: TlsPaths): void {
  const certFile = `--tls-cert ${tlsCert}`;
  const keyFile = `--tls-key ${tlsKey}`;
  const certificates = blocksOf(cert).certificates.map((pem, index) =>
    attempt(`${certFile}: its certificate ${index + 1} is damaged`, () => new X509Certificate(pem))
  );
  const [first] = certificates;
  if (!first) {
    const hint = blocksOf(cert).keys.length > 0 ? ", but a private key" : "";
    throw new TlsFileError(`Cannot use ${certFile}: it contains no certificate in PEM${hint}`);
  }
  const [pem] = blocksOf(key).keys;
  if (pem === undefined) {
    const hint = blocksOf(key).certificates.length > 0 ? ", but a certificate" : "";
    throw new TlsFileError(`Cannot use ${keyFile}: it contains no private key in PEM${hint}`);
  }
  if (/ENCRYPTED/.test(pem)) {
    throw new TlsFileError(
      `Cannot use ${keyFile}: it is encrypted; decrypt it with ` +
        `\`openssl pkey -in ${tlsKey} -out plain.pem\``,
    );
  }
  const privateKey = attempt(`${keyFile}: it is damaged`, () => createPrivateKey(pem));
  const owner = certificates.findIndex((each) => each.checkPrivateKey(privateKey));
  if (owner < 0) {
    throw new TlsFileError(`Cannot use ${keyFile}: it is not the key of ${certFile}`);
  }
  if (owner > 0) {
    throw new TlsFileError(
      `Cannot use ${certFile}: the server's certificate must be the first, not number ${owner + 1}`,
    );
  }
  // The same TLS library checks client certificates here, without a socket. For example, it does
  // not support all kinds of keys.
  attempt(`${certFile} with ${keyFile}`, () => Deno.createHttpClient({ cert, key }).close());
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    throw new TlsFileError(`Cannot use ${what}: ${errorMessage(cause)}`, { cause });
  }
}

/** Finds the certificates and the private keys of a PEM file. */
function blocksOf(pem: string): { readonly certificates: string[]; readonly keys: string[] } {
  const blocks = Array.from(pem.matchAll(/-----BEGIN ([^-]+)-----[^]*?-----END \1-----/g));
  const labeled = (pattern: RegExp) =>
    blocks.flatMap(([block, label]) => pattern.test(label!) ? [block] : []);
  return { certificates: labeled(/^CERTIFICATE$/), keys: labeled(/PRIVATE KEY$/) };
}
