import { createHash, timingSafeEqual } from "node:crypto";
import { readFailure } from "../../cli/read_failure.ts";
import type { FieldMap } from "../../websocket/http_head.ts";

/** A shorter token could be guessed. */
const MIN_CHARACTERS = 16;

/** The file of `--admin-token-file` cannot be read or used. The message names it. */
export class AdminTokenError extends Error {
  override readonly name = "AdminTokenError";
}

/** The secret that administrators send as `Authorization: Bearer`. */
export class AdminToken {
  readonly #digest: Uint8Array;

  constructor(token: string) {
    this.#digest = digest(token);
  }

  /**
   * Whether a request has the token; undefined if it has none at all. It takes equally long for
   * each wrong one.
   */
  isIn(headers: FieldMap): boolean | undefined {
    const authorization = headers.get("authorization");
    if (authorization === null) return undefined;
    const [, token] = authorization.match(/^bearer +(\S+)$/i) ?? [];
    return token !== undefined && timingSafeEqual(digest(token), this.#digest);
  }
}

/**
 * Reads the file of `--admin-token-file`; undefined if the flag is not set.
 *
 * @throws {AdminTokenError} If it cannot be read, or is not one token of at least 16 characters.
 */
export async function readAdminToken(path: string): Promise<AdminToken | undefined> {
  if (path === "") return undefined;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    const reason = readFailure(cause);
    throw new AdminTokenError(`Cannot read --admin-token-file ${path}: ${reason}`, { cause });
  }
  const token = text.trim();
  if (!/^[!-~]*$/.test(token) || token.length < MIN_CHARACTERS) {
    throw new AdminTokenError(
      `Cannot use --admin-token-file ${path}: it must contain one token of at least ` +
        `${MIN_CHARACTERS} visible ASCII characters, such as from \`openssl rand -hex 32\``,
    );
  }
  return new AdminToken(token);
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
