import { readFailure } from "../../../cli/read_failure.ts";
import { TokenKeyError, type TokenKeys } from "./token_keys.ts";

/** RFC 7518 section 3.2: a key for HS256 has at least the length of the hash. */
const MIN_SECRET_BYTES = 32;

/** Each secret is tried, so their number is the cost of a wrong signature. */
const MAX_SECRETS = 4;

const ADVICE = "make one with `openssl rand -base64 48`";

/** The secrets of `--token-secret-file`, for tokens that are signed with HS256. */
export class SecretFile implements TokenKeys {
  readonly algorithms = ["HS256"];
  version = 0;
  readonly #path: string;
  #keys: readonly CryptoKey[] = [];

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws {TokenKeyError} If the file cannot be read or used. */
  static async open(path: string): Promise<SecretFile> {
    const file = new SecretFile(path);
    await file.reload();
    return file;
  }

  find(): readonly CryptoKey[] {
    return this.#keys;
  }

  /** Does nothing: a file of secrets is read again only when the server is told to. */
  refreshIfOld(): void {}

  async reload(): Promise<void> {
    const secrets = await readSecrets(this.#path);
    this.#keys = await Promise.all(secrets.map((secret) => importSecret(secret, "verify")));
    this.version++;
  }
}

/**
 * Reads the secrets of a file, one per line, the newest first. The secret is the text of the line
 * itself: it is not decoded.
 *
 * @throws {TokenKeyError} If the file cannot be read, or has no secret, a short one, or too many.
 */
export async function readSecrets(path: string): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new TokenKeyError(`Cannot use --token-secret-file ${path}: ${reason}`, { cause });
  };
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (cause) {
    throw new TokenKeyError(`Cannot read --token-secret-file ${path}: ${readFailure(cause)}`, {
      cause,
    });
  }
  let text = "";
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    fail(`a secret must be a line of text; ${ADVICE}`, cause);
  }
  const lines = text.split(/\r?\n/).filter((line) => line !== "");
  if (lines.length === 0) fail(`it is empty; ${ADVICE}`);
  const secrets = lines.map((line) => new TextEncoder().encode(line));
  for (const [index, { length }] of secrets.entries()) {
    if (length >= MIN_SECRET_BYTES) continue;
    const bytes = length === 1 ? "1 byte" : `${length} bytes`;
    fail(`secret ${index + 1} has ${bytes}, less than ${MIN_SECRET_BYTES}; ${ADVICE}`);
  }
  if (lines.length > MAX_SECRETS) {
    fail(`it has ${lines.length} secrets, one per line, more than ${MAX_SECRETS}`);
  }
  return secrets;
}

/** Imports a secret for HS256. */
export function importSecret(
  secret: Uint8Array<ArrayBuffer>,
  usage: "sign" | "verify",
): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, [usage]);
}
