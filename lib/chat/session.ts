import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Makes and checks session tokens: `UUID.SIGNATURE`. Whoever has the token of a session is its member. The UUID alone, which
 * everybody in the room gets to see, is worth nothing.
 */
export class SessionKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** The token of a member. */
  tokenOf(id: string): string {
    return `${id}.${this.#signature(id).toString("base64url")}`;
  }

  /** Whose token this is; undefined if it is none of this key's. */
  idOf(token: string): string | undefined {
    const [id = "", signature = ""] = token.split(".");
    const given = new TextEncoder().encode(signature);
    const right = new TextEncoder().encode(this.#signature(id).toString("base64url"));
    return given.length === right.length && timingSafeEqual(given, right) ? id : undefined;
  }

  #signature(id: string) {
    return createHmac("sha256", this.#key).update(id).digest();
  }
}
