/** The room of clients that name none. */
export const DEFAULT_ROOM_NAME = "lobby";

/** The maximum length of a room's name. */
const MAX_ROOM_NAME_CHARACTERS = 128;

/** The maximum length of a member's name. */
const MAX_MEMBER_NAME_CHARACTERS = 64;

/**
 * Letters with their marks, digits, punctuation, and symbols. No spaces, no control, joining, or
 * blank characters, and no replacement characters.
 */
const ROOM_NAME = /^(?!\p{M})(?!.*[\u2800\ufffc\ufffd\p{DI}])[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u;

/** Names that mean something else in a path. */
const DOTS = /^\.{1,2}$/;

/** Control, joining, and blank characters, and replacement characters. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u2800\ufffc\ufffd\p{DI}]/u;

/**
 * Parses the name of a room and normalizes it to NFC, so that two encodings of the same letters are
 * one room. Returns undefined unless the name has 1 to 128 visible characters.
 */
export function parseRoomName(text: string): string | undefined {
  const name = text.normalize("NFC");
  return ROOM_NAME.test(name) && !DOTS.test(name) && [...name].length <= MAX_ROOM_NAME_CHARACTERS
    ? name
    : undefined;
}

/**
 * Parses the name of a member and normalizes it to NFC. It may have spaces between words. Returns
 * undefined unless the name has 1 to 64 visible characters or spaces.
 */
export function parseMemberName(text: string): string | undefined {
  const name = text.normalize("NFC").trim();
  return name !== "" && !INVISIBLE.test(name) && [...name].length <= MAX_MEMBER_NAME_CHARACTERS
    ? name
    : undefined;
}
