/** A JSON Web Token: its header is a JSON object in base64url. */
const TOKEN = /\be[wy][\w-]{8,}\.[\w-]{2,}\.[\w-]*/g;

/** Returns a message as the log shows it, without the tokens in it. */
export function loggedText(bytes: Uint8Array, isText: boolean): string {
  return isText
    ? new TextDecoder().decode(bytes).replace(TOKEN, "(token)")
    : `(${bytes.length} bytes)`;
}
