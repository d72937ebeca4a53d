import type { Logger } from "@logtape/logtape";
import { importJWK, type JWK } from "jose";
import { errorMessage } from "../../../cli/error_message.ts";
import { isJwksUrl, readJwks } from "./jwks_source.ts";
import { keysUnavailable, TokenFault } from "./token_fault.ts";
import { type FoundKeys, type TokenHeader, TokenKeyError, type TokenKeys } from "./token_keys.ts";

/** The time between two reads that unknown keys cause. It bounds what strangers can cause. */
const COOLDOWN_MS = 10_000;

/** Keys older than this are read again in the background, so that removed ones are not accepted. */
const MAX_AGE_MS = 10 * 60_000;

/** The minimum length of an RSA key (RFC 7518 section 3.3). */
const MIN_RSA_BITS = 2048;

/** What a {@linkcode Jwks} needs besides its source. */
export interface JwksOptions {
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

/** A public key of a key set. */
interface JwksKey {
  readonly kid: string | undefined;
  readonly alg: SigningAlgorithm;
  readonly key: CryptoKey;
}

type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

/**
 * The public keys of `--token-jwks`, for tokens that are signed with RS256, ES256, or EdDSA. HS256
 * is not among them: otherwise anyone could sign with the public key as the secret.
 *
 * The set is read again if a token names a key that is not in it, and every ten minutes while
 * tokens arrive. If that fails, the old keys stay in use.
 */
export class Jwks implements TokenKeys {
  /** RFC 9864 names EdDSA with this curve `Ed25519`. */
  readonly algorithms = ["RS256", "ES256", "EdDSA", "Ed25519"];
  version = 0;
  readonly #source: string;
  readonly #options: JwksOptions;
  #keys: readonly JwksKey[] | undefined;
  /** Set while the set is being read. All who need it share one read. */
  #reading: Promise<void> | undefined;
  #readAtMs = -Infinity;
  #readCount = 0;
  /** The number of the newest read that has ended. An older one that ends later has no effect. */
  #endedRead = 0;
  /** Whether the newest read that has ended has failed. */
  #hasFailed = false;

  private constructor(source: string, options: JwksOptions) {
    this.#source = source;
    this.#options = options;
  }

  /**
   * Reads the key set. If it comes from a URL and cannot be read, that is logged, and tried again
   * when a token arrives: the issuer may start later than this server.
   *
   * @throws {TokenKeyError} If the set is in a file and cannot be used.
   */
  static async open(source: string, options: JwksOptions): Promise<Jwks> {
    const jwks = new Jwks(source, options);
    if (isJwksUrl(source)) await jwks.#tryRead();
    else await jwks.reload();
    return jwks;
  }

  async find(header: TokenHeader): Promise<FoundKeys> {
    let found = this.#match(header);
    const ageMs = this.#options.monotonicMs() - this.#readAtMs;
    if (found.length === 0 && (this.#reading || ageMs >= COOLDOWN_MS)) {
      await this.#tryRead();
      found = this.#match(header);
    }
    if (found.length === 0) return this.#hasFailed ? keysUnavailable() : UNKNOWN_KEY;
    // To try all keys would let strangers cause much work.
    return header.kid === undefined && found.length > 1 ? NO_KID : found.map(({ key }) => key);
  }

  refreshIfOld(): void {
    if (this.#options.monotonicMs() - this.#readAtMs > MAX_AGE_MS) this.#tryRead();
  }

  async reload(): Promise<void> {
    this.#readAtMs = this.#options.monotonicMs();
    const number = ++this.#readCount;
    try {
      const keys = await importKeys(await readJwks(this.#source), this.#source);
      if (!this.#end(number)) return;
      this.#keys = keys;
      this.version++;
    } catch (error) {
      if (this.#end(number)) this.#hasFailed = true;
      throw error;
    }
  }

  /** Ends a read. Returns false if a newer one has ended before. */
  #end(number: number): boolean {
    if (number < this.#endedRead) return false;
    this.#endedRead = number;
    this.#hasFailed = false;
    return true;
  }

  #match({ alg, kid }: TokenHeader): readonly JwksKey[] {
    const wanted = alg === "Ed25519" ? "EdDSA" : alg;
    return (this.#keys ?? []).filter((each) =>
      each.alg === wanted && (kid === undefined || each.kid === kid)
    );
  }

  /** Reads the set, unless that is under way. Logs why it fails, and never throws. */
  #tryRead(): Promise<void> {
    return this.#reading ??= this.reload().catch((error) => {
      const { logger } = this.#options;
      const message = errorMessage(error);
      if (this.#keys) logger.warning("The old keys stay in use: {error}", { error: message });
      else logger.error("No token can be verified: {error}", { error: message });
    }).finally(() => this.#reading = undefined);
  }
}

const UNKNOWN_KEY = new TokenFault(
  "The token is signed with a key that this server does not know (kid): get a new one",
);

const NO_KID = new TokenFault(
  "The token does not say which of several keys has signed it: its header needs a kid",
);

/** Imports the keys of a set that can verify tokens, and ignores others, such as for encryption. */
async function importKeys(json: string, source: string): Promise<readonly JwksKey[]> {
  const fail = (reason: string, cause?: unknown): never => {
    throw new TokenKeyError(`Cannot use --token-jwks ${source}: ${reason}`, { cause });
  };
  let set: { readonly keys?: unknown } | null = null;
  try {
    set = JSON.parse(json);
  } catch (cause) {
    fail("it is not JSON", cause);
  }
  const list = set?.keys;
  if (!Array.isArray(list)) return fail('it is not a key set such as {"keys":[…]}');
  const imported = await Promise.all(list.map(importKey));
  const keys = imported.filter((each) => each !== undefined);
  if (keys.length === 0) fail("it has no public key for RS256, ES256, or EdDSA");
  return keys;
}

/** Imports a key; undefined if it cannot verify tokens. */
async function importKey(jwk: JWK | null): Promise<JwksKey | undefined> {
  const alg = jwk && algorithmOf(jwk);
  if (!alg) return undefined;
  const { kty, n, e, crv, x, y, kid } = jwk;
  let key: CryptoKey;
  try {
    const fields = Object.entries({ kty, n, e, crv, x, y }).filter(([, each]) => each);
    key = await importJWK(Object.fromEntries(fields) as JWK, alg) as CryptoKey;
    // Deno notices a damaged key of ES256 only when it uses it.
    const { name } = key.algorithm;
    await crypto.subtle.verify(
      { name, hash: "SHA-256" },
      key,
      new Uint8Array(64),
      new Uint8Array(),
    );
  } catch {
    return undefined;
  }
  const { modulusLength = MIN_RSA_BITS } = key.algorithm as Partial<RsaHashedKeyAlgorithm>;
  return modulusLength < MIN_RSA_BITS ? undefined : { kid, alg, key };
}

/** The algorithm that a key is for; undefined if it is for another one, another use, or private. */
function algorithmOf({ kty, crv, alg, use, key_ops, d }: JWK): SigningAlgorithm | undefined {
  const isForOther = (use !== undefined && use !== "sig") ||
    (key_ops !== undefined && !key_ops.includes("verify")) || d !== undefined;
  if (isForOther) return undefined;
  const isFor = (...names: string[]) => alg === undefined || names.includes(alg);
  if (kty === "RSA" && isFor("RS256")) return "RS256";
  if (kty === "EC" && crv === "P-256" && isFor("ES256")) return "ES256";
  return kty === "OKP" && crv === "Ed25519" && isFor("EdDSA", "Ed25519") ? "EdDSA" : undefined;
}
