import { roomToken } from "../room_token.ts";

/** The subjects of all rooms. */
export const ROOM_SUBJECTS = "chorus.room.*";

const PREFIX = "chorus.room.";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Returns the subject with the messages of a room. */
export function roomSubject(room: string): string {
  return PREFIX + roomToken(room);
}

/** Returns the name of the room of a subject; undefined if it is not a subject of a room. */
export function roomOfSubject(subject: string): string | undefined {
  if (!subject.startsWith(PREFIX)) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(subject.slice(PREFIX.length), { alphabet: "base64url" });
    const room = decoder.decode(bytes);
    return roomSubject(room) === subject ? room : undefined;
  } catch {
    return undefined;
  }
}
