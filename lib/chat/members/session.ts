import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Issues and checks session tokens, `UUID.SIGNATURE`. A client that presents a valid token is the
 * member with that UUID. The UUID alone proves nothing, because every member of the room sees it.
 */
export class SessionKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** Issues the token of a member. */
  tokenOf(id: string): string {
    return `${id}.${this.#signature(id).toString("base64url")}`;
  }

  /** The member's UUID in a token; undefined if the token was not signed with this key. */
  idOf(token: string): string | undefined {
    const [id = "", signature = ""] = token.split(".");
    const actual = new TextEncoder().encode(signature);
    const expected = new TextEncoder().encode(this.#signature(id).toString("base64url"));
    return actual.length === expected.length && timingSafeEqual(actual, expected) ? id : undefined;
  }

  #signature(id: string) {
    return createHmac("sha256", this.#key).update(id).digest();
  }
}
