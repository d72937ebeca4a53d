import type { Logger } from "@logtape/logtape";
import { type Access, OPEN_ACCESS } from "../../../chat/access.ts";
import type { FieldMap } from "../../../websocket/http_head.ts";
import type { ServerConfig } from "../../config.ts";
import { Jwks } from "./jwks.ts";
import { findToken } from "./request_token.ts";
import { SecretFile } from "./secret_file.ts";
import { invalidRequest, missingToken, TokenFault } from "./token_fault.ts";
import type { TokenKeys } from "./token_keys.ts";
import { TokenVerifier } from "./token_verifier.ts";

/** The flags that decide who gets access. */
export type AccessConfig = Pick<
  ServerConfig,
  | "tokenSecretFile"
  | "tokenJwks"
  | "tokenAudience"
  | "tokenIssuer"
  | "tokenCookie"
  | "anonymous"
  | "maxTokenBytes"
>;

/** What {@linkcode AccessControl} needs besides its configuration. */
export interface AccessControlOptions {
  readonly logger: Logger;
  /** Reads the time, in milliseconds since 1970. */
  readonly readMs: () => number;
  /** Reads a clock that never jumps, in milliseconds since any time. */
  readonly monotonicMs: () => number;
}

/** The access of clients without a token, with `--anonymous read`. */
const READ_ACCESS: Access = { ...OPEN_ACCESS, mayPublish: () => false };

/** Decides what the sender of a request may do. */
export class AccessControl {
  readonly #config: AccessConfig;
  readonly #keys: TokenKeys | undefined;
  readonly #verifier: TokenVerifier | undefined;

  private constructor(
    config: AccessConfig,
    { readMs }: AccessControlOptions,
    keys: TokenKeys | undefined,
  ) {
    this.#config = config;
    this.#keys = keys;
    this.#verifier = keys && new TokenVerifier({ ...config, keys, readMs });
  }

  /** @throws {TokenKeyError} If the keys cannot be read or used. */
  static async open(config: AccessConfig, options: AccessControlOptions): Promise<AccessControl> {
    const { tokenSecretFile, tokenJwks } = config;
    const keys = tokenSecretFile !== ""
      ? await SecretFile.open(tokenSecretFile)
      : tokenJwks !== ""
      ? await Jwks.open(tokenJwks, options)
      : undefined;
    return new AccessControl(config, options, keys);
  }

  /** Whether the server uses tokens. Without tokens, every client may do everything. */
  get usesTokens(): boolean {
    return this.#verifier !== undefined;
  }

  /**
   * Finds out what the sender of a request may do. Call it for requests that have passed the origin
   * check: only then a cookie is safe. Never throws or rejects.
   *
   * @returns At once if no signature has to be verified.
   */
  authenticate(headers: FieldMap): Access | TokenFault | Promise<Access | TokenFault> {
    const verifier = this.#verifier;
    if (!verifier) return OPEN_ACCESS;
    const { tokenCookie, anonymous } = this.#config;
    const token = findToken(headers, tokenCookie);
    if (token instanceof TokenFault) return token;
    if (token !== undefined) return verifier.verify(token);
    if (anonymous === "none") return missingToken(tokenCookie);
    return anonymous === "read" ? READ_ACCESS : OPEN_ACCESS;
  }

  /**
   * Verifies the token with which a client renews its access. One that has connected without a
   * token cannot, so its token is not verified: to guess tokens, it has to connect again and again.
   * Never throws or rejects.
   *
   * @param user The user that the client is; null if it has connected without a token.
   */
  renew(token: string, user: string | null): Access | TokenFault | Promise<Access | TokenFault> {
    if (!this.#verifier) return NO_TOKENS;
    return user === null ? NO_FIRST_TOKEN : this.#verifier.verify(token);
  }

  /**
   * Reads the keys again. Connections that have access keep it.
   *
   * @throws {TokenKeyError} If the keys cannot be read or used. Then the old ones stay in use.
   */
  async reload(): Promise<void> {
    await this.#keys?.reload();
  }
}

const NO_TOKENS = invalidRequest("This server does not use tokens");

const NO_FIRST_TOKEN = invalidRequest(
  "You have connected without a token: connect again with a token",
);
