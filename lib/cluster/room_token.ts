/**
 * Returns a room's name as a token of a subject: base64url of its UTF-8, without padding. It has at
 * most 683 characters.
 */
export function roomToken(room: string): string {
  return new TextEncoder().encode(room).toBase64({ alphabet: "base64url", omitPadding: true });
}
