/** The room of whoever names none. */
export const DEFAULT_ROOM_NAME = "lobby";

/** The most characters of a room's name. */
const MAX_CHARACTERS = 128;

/**
 * Letters with their marks, digits, punctuation and symbols: no spaces, nothing that controls or joins, and not the character
 * that stands for bytes which are no UTF-8.
 */
const VISIBLE = /^(?!.*\ufffd)[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u;

/**
 * Reads the name of a room, in the Unicode form NFC: two spellings that look alike are one room.
 *
 * @returns undefined if it is not 1 to 128 visible characters.
 */
export function parseRoomName(text: string): string | undefined {
  const name = text.normalize("NFC");
  return VISIBLE.test(name) && [...name].length <= MAX_CHARACTERS ? name : undefined;
}
