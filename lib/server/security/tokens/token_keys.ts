import type { TokenFault } from "./token_fault.ts";

/** The part of a token's header that selects its key. */
export interface TokenHeader {
  readonly alg: string;
  readonly kid: string | undefined;
}

/** The keys that may have signed a token, the most likely first; or why there are none. */
export type FoundKeys = readonly CryptoKey[] | TokenFault;

/** The keys that verify tokens. They are imported once. */
export interface TokenKeys {
  /** The only algorithms that a token may be signed with. */
  readonly algorithms: readonly string[];
  /** Increases when the keys change. */
  readonly version: number;
  /** Finds the keys for a token whose algorithm is one of {@linkcode algorithms}. */
  find(header: TokenHeader): FoundKeys | Promise<FoundKeys>;
  /** Begins to read old keys again, in case some were removed. Cheap: call it for each token. */
  refreshIfOld(): void;
  /**
   * Reads the keys again.
   *
   * @throws {TokenKeyError} If they cannot be read or used. Then the old keys stay in use.
   */
  reload(): Promise<void>;
}

/** The keys that verify tokens cannot be read or used. The message names their source. */
export class TokenKeyError extends Error {
  override readonly name = "TokenKeyError";
}
