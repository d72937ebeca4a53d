import { readFailure } from "../../../cli/read_failure.ts";
import { TokenKeyError } from "./token_keys.ts";

/** The time for a whole answer. */
const FETCH_TIMEOUT_MS = 5000;

/** The maximum length of a key set. A hundred RSA keys have about 50 KB. */
const MAX_BYTES = 256 * 1024;

/** Whether a value of `--token-jwks` is a URL. Otherwise it is the path of a file. */
export function isJwksUrl(source: string): boolean {
  return /^https?:\/\//i.test(source);
}

/**
 * Reads a key set (JWKS, RFC 7517) from a file or over HTTP.
 *
 * @param signal Ends a request that takes too long.
 * @throws {TokenKeyError} If it cannot be read.
 */
export async function readJwks(
  source: string,
  signal = AbortSignal.timeout(FETCH_TIMEOUT_MS),
): Promise<string> {
  try {
    return isJwksUrl(source) ? await fetchText(source, signal) : await Deno.readTextFile(source);
  } catch (cause) {
    throw new TokenKeyError(`Cannot read --token-jwks ${source}: ${readFailure(cause)}`, {
      cause,
    });
  }
}

async function fetchText(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, {
    headers: { accept: "application/jwk-set+json, application/json" },
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the status was ${response.status}`);
  }
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  // Leaving the loop cancels the rest of the body.
  for await (const bytes of response.body ?? []) {
    length += bytes.length;
    if (length > MAX_BYTES) throw new Error(`it is longer than ${MAX_BYTES} bytes`);
    pieces.push(bytes);
  }
  return await new Blob(pieces).text();
}
