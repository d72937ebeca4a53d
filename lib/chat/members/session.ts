import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/**
 * Issues and checks session tokens, `UUID.SIGNATURE`. A client that presents a valid token is the
 * member with that UUID. The UUID alone proves nothing, because every member of the room sees it.
 *
 * A token of a user is valid for this user only. Otherwise Bob could take Ann's session token from
 * a shared computer, and publish as the member that others know as Ann.
 */
export class SessionKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** Issues the token of a member. The user is null if the client has proved to be none. */
  tokenOf(id: string, user: string | null): string {
    return `${id}.${this.#signature(id, user).toString("base64url")}`;
  }

  /**
   * The member's UUID in a token; undefined if the token was not signed with this key for this
   * user.
   */
  idOf(token: string, user: string | null): string | undefined {
    const [id = "", signature = ""] = token.split(".");
    // The id must end where the user begins, in what is signed.
    if (id.length !== UUID_LENGTH) return undefined;
    const actual = new TextEncoder().encode(signature);
    const expected = new TextEncoder().encode(this.#signature(id, user).toString("base64url"));
    return actual.length === expected.length && timingSafeEqual(actual, expected) ? id : undefined;
  }

  #signature(id: string, user: string | null) {
    return createHmac("sha256", this.#key).update(user === null ? id : `${id} ${user}`).digest();
  }
}

const UUID_LENGTH = 36;
