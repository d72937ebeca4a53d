/** What tokens are made of, and what is between their parts. It matches in linear time. */
const RUN = /[\w.-]+/g;

/** Begins a JSON Web Token: its header is a JSON object in base64url. */
const TOKEN_HEAD = /\be[wy][\w-]{8}/;

/** Returns a message as the log shows it, without the tokens in it. */
export function loggedText(bytes: Uint8Array, isText: boolean): string {
  return isText ? maskTokens(new TextDecoder().decode(bytes)) : `(${bytes.length} bytes)`;
}

/** Replaces each JSON Web Token in a text with `(token)`. */
export function maskTokens(text: string): string {
  return text.replace(RUN, maskRun);
}

/** Masks the tokens of a text without spaces, whose parts are separated by dots. */
function maskRun(run: string): string {
  const parts = run.split(".");
  const masked: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    const part = parts[at]!;
    // The signature may be missing, but not the dot before it.
    const isPayloadNext = at + 2 < parts.length && parts[at + 1]!.length >= 2;
    const start = isPayloadNext ? part.search(TOKEN_HEAD) : -1;
    masked.push(start < 0 ? part : `${part.slice(0, start)}(token)`);
    if (start >= 0) at += 2;
  }
  return masked.join(".");
}
