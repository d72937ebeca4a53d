/** The most characters of a member's name. */
const MAX_CHARACTERS = 64;

/** Characters that control, join or are blank, and those that stand for something else. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}\u2800\ufffc\ufffd\p{DI}]/u;

/**
 * Reads what a member calls itself, in the Unicode form NFC. There may be spaces between words.
 *
 * @returns undefined if it is not 1 to 64 characters that can be seen.
 */
export function parseMemberName(text: string): string | undefined {
  const name = text.normalize("NFC").trim();
  return name !== "" && !INVISIBLE.test(name) && [...name].length <= MAX_CHARACTERS
    ? name
    : undefined;
}
