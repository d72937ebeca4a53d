import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";

/** The time of most tests, in milliseconds since 1970, and in seconds. */
export const NOW_MS = 1_800_000_000_000;
export const NOW = NOW_MS / 1000;

/** A secret of 32 bytes. */
export const SECRET = "s3cret-of-thirty-two-characters!";

/** Signs a token with HS256. */
export function signWithSecret(
  claims: JWTPayload,
  secret = SECRET,
  alg = "HS256",
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret));
}

/** A key pair of an issuer. */
export class IssuerKey {
  readonly kid: string | undefined;
  readonly alg: string;
  /** The public key as it stands in a key set. */
  readonly jwk: JWK;
  readonly #privateKey: CryptoKey;

  private constructor(alg: string, kid: string | undefined, jwk: JWK, privateKey: CryptoKey) {
    this.alg = alg;
    this.kid = kid;
    this.jwk = jwk;
    this.#privateKey = privateKey;
  }

  static async create(alg: string, kid?: string): Promise<IssuerKey> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    const jwk = { ...await exportJWK(publicKey), ...(kid === undefined ? {} : { kid }) };
    return new IssuerKey(alg, kid, jwk, privateKey);
  }

  /** The private key in the form of a key set. */
  exportPrivate(): Promise<JWK> {
    return exportJWK(this.#privateKey);
  }

  sign(claims: JWTPayload, header: { readonly alg?: string; readonly kid?: string } = {}) {
    const { alg, kid } = this;
    return new SignJWT(claims)
      .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }), ...header })
      .sign(this.#privateKey);
  }
}

/** Encodes a token without a signature, or with a wrong one. */
export function encodeToken(header: unknown, claims: unknown, signature = ""): string {
  const encode = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  return `${encode(header)}.${encode(claims)}.${signature}`;
}
