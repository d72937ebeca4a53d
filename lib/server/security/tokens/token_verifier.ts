import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import type { Access } from "../../../chat/access.ts";
import { accessOf, CLOCK_SKEW_SECONDS } from "./token_claims.ts";
import { TokenFault, tokenTooLong } from "./token_fault.ts";
import type { TokenHeader, TokenKeys } from "./token_keys.ts";
import { VerifiedTokens } from "./verified_tokens.ts";

/** What a {@linkcode TokenVerifier} checks tokens by. */
export interface TokenVerifierOptions {
  readonly keys: TokenKeys;
  /** What `aud` must contain; "" accepts only tokens without `aud`. */
  readonly tokenAudience: string;
  /** What `iss` must be; "" accepts any. */
  readonly tokenIssuer: string;
  readonly maxTokenBytes: number;
  /** Reads the time, in milliseconds since 1970. */
  readonly readMs: () => number;
}

/** Verifies JSON Web Tokens (RFC 7519), and remembers those that it has accepted. */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions;
  readonly #verified = new VerifiedTokens();
  /** The version of the keys that the remembered tokens were verified with. */
  #keyVersion = 0;

  constructor(options: TokenVerifierOptions) {
    this.#options = options;
  }

  /**
   * Verifies a token and reads what it allows. Never throws or rejects.
   *
   * @returns At once if the same token was accepted before, or is too long.
   */
  verify(token: string): Access | TokenFault | Promise<Access | TokenFault> {
    const { keys, maxTokenBytes, readMs } = this.#options;
    if (token.length > maxTokenBytes) return tokenTooLong(maxTokenBytes);
    keys.refreshIfOld();
    if (this.#keyVersion !== keys.version) {
      this.#verified.clear();
      this.#keyVersion = keys.version;
    }
    return this.#verified.get(token, readMs()) ?? this.#verify(token);
  }

  async #verify(token: string): Promise<Access | TokenFault> {
    const { keys } = this.#options;
    const { version } = keys;
    const header = this.#readHeader(token);
    if (header instanceof TokenFault) return header;
    const found = await keys.find(header);
    if (found instanceof TokenFault) return found;
    for (const key of found) {
      const nowMs = this.#options.readMs();
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [header.alg],
          clockTolerance: CLOCK_SKEW_SECONDS,
          currentDate: new Date(nowMs),
        });
        const access = this.#check(payload) ?? accessOf(payload, nowMs);
        // Meanwhile the keys may have changed.
        const isCurrent = version === keys.version;
        if (!(access instanceof TokenFault) && isCurrent) this.#verified.add(token, access);
        return access;
      } catch (error) {
        if (error instanceof errors.JWSSignatureVerificationFailed) continue;
        return toFault(error);
      }
    }
    return WRONG_SIGNATURE;
  }

  #readHeader(token: string): TokenHeader | TokenFault {
    const { algorithms } = this.#options.keys;
    let alg: unknown;
    let kid: unknown;
    try {
      ({ alg, kid } = decodeProtectedHeader(token));
    } catch {
      return MALFORMED;
    }
    if (typeof alg !== "string" || (kid !== undefined && typeof kid !== "string")) return MALFORMED;
    if (algorithms.includes(alg)) return { alg, kid };
    const accepted = `this server accepts ${algorithms.join(", ")}`;
    if (/^none$/i.test(alg)) return new TokenFault(`The token is not signed: ${accepted}`);
    const shown = /^[\w+-]{1,20}$/.test(alg) ? alg : "another algorithm";
    return new TokenFault(`The token is signed with ${shown}: ${accepted}`);
  }

  /**
   * Checks for whom and by whom the token was issued. jose accepts any `aud` if it need not check
   * it. RFC 7519 section 4.1.3 does not: the token may be for another service of the same issuer.
   */
  #check({ aud, iss }: JWTPayload): TokenFault | undefined {
    const { tokenAudience, tokenIssuer } = this.#options;
    const audiences = aud === undefined ? [] : [aud].flat();
    if (tokenAudience === "" ? aud !== undefined : !audiences.includes(tokenAudience)) {
      const own = tokenAudience === ""
        ? "this server has none (--token-audience)"
        : `this server's is ${tokenAudience}`;
      return new TokenFault(
        aud === undefined
          ? `The token has no audience (aud): ${own}`
          : `The token is for the audience ${shown(audiences.join(", "))}: ${own}`,
      );
    }
    if (tokenIssuer !== "" && iss !== tokenIssuer) {
      return new TokenFault(
        `The token is from the issuer ${shown(iss)}: this server accepts ${tokenIssuer}`,
      );
    }
    return undefined;
  }
}

const MALFORMED = new TokenFault("The token is not a JSON Web Token in its compact form");

const UNKNOWN_EXTENSION = new TokenFault(
  "The token's header demands an extension that this server does not know (crit)",
);

const WRONG_SIGNATURE = new TokenFault(
  "The token's signature is wrong: it was signed with another key, or changed",
);

function toFault(error: unknown): TokenFault {
  if (error instanceof errors.JWTExpired) {
    return new TokenFault("The token has expired: get a new one");
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    return new TokenFault(
      claim === "nbf" && reason === "check_failed"
        ? "The token is not valid yet (nbf): wait, or correct the clock of the issuer"
        : `The token's claim ${claim} must be a number`,
    );
  }
  return error instanceof errors.JOSENotSupported ? UNKNOWN_EXTENSION : MALFORMED;
}

/** A claim as a message shows it. */
function shown(claim: unknown): string {
  const text = typeof claim === "string" ? claim : JSON.stringify(claim) ?? "(missing)";
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
