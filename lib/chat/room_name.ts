/** The room of whoever names none. */
export const DEFAULT_ROOM_NAME = "lobby";

/** The most characters of a room's name. */
const MAX_CHARACTERS = 128;

/**
 * Letters with their marks, digits, punctuation and symbols: no spaces, nothing that controls, joins or is blank, and not the
 * characters that stand for something else.
 */
const VISIBLE = /^(?!\p{M})(?!.*[\u2800\ufffc\ufffd\p{DI}])[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u;

/** Names that mean something else in a path. */
const DOTS = /^\.{1,2}$/;

/**
 * Reads the name of a room, in the Unicode form NFC: two ways to write the same letter are one room.
 *
 * @returns undefined if it is not 1 to 128 visible characters.
 */
export function parseRoomName(text: string): string | undefined {
  const name = text.normalize("NFC");
  return VISIBLE.test(name) && !DOTS.test(name) && [...name].length <= MAX_CHARACTERS
    ? name
    : undefined;
}
