/** The room of clients that name none. */
export const DEFAULT_ROOM_NAME = "lobby";

/** The maximum length of a room's name, in code points. */
const MAX_ROOM_NAME_CHARACTERS = 128;

/** The maximum length of a member's name, in code points. */
const MAX_MEMBER_NAME_CHARACTERS = 64;

/** No longer text is normalized, in UTF-16 code units: that takes half a microsecond for each. */
const MAX_TEXT_LENGTH = 1024;

/** Names that mean something else in a path. */
const DOTS = /^\.{1,2}$/;

/**
 * Parses the name of a room: a {@linkcode normalizeName} of 1 to 128 characters without spaces.
 * Returns undefined if the text is not one.
 */
export function parseRoomName(text: string): string | undefined {
  const name = normalizeName(text);
  return name === undefined || /\p{Z}/u.test(name) || DOTS.test(name) ||
      lengthOf(name) > MAX_ROOM_NAME_CHARACTERS
    ? undefined
    : name;
}

/**
 * Parses the name of a member: a {@linkcode normalizeName} of 1 to 64 characters. All kinds of
 * spaces are U+0020, one between words (RFC 8266, section 2.1). Returns undefined if the text is
 * not a name.
 */
export function parseMemberName(text: string): string | undefined {
  const name = normalizeName(text.replace(/\p{Zs}+/gu, " ").trim());
  return name === undefined || lengthOf(name) > MAX_MEMBER_NAME_CHARACTERS ? undefined : name;
}

/**
 * Normalizes a name, so that spellings with only invisible differences become one name, or are
 * refused. Returns undefined if the text is empty or has invisible characters.
 *
 * - It is in NFC, so two encodings of a letter are one.
 * - Each emoji has its one fully qualified form (UTS 51): `❤` is the same as `❤️`.
 * - Joiners and variation selectors are invisible themselves. They stay where they belong to the
 *   spelling: in an emoji, between letters that a joiner shapes (UTS 46, RFC 5892 appendix A), and
 *   after letters and ideographs that have variants. Elsewhere they could only make a name pass for
 *   another, as `An\u200Bn` for `Ann`.
 * - Control characters, other invisible ones, and marks without a letter are not in names, as in
 *   RFC 8264.
 *
 * Different letters that look alike, such as the Latin and the Cyrillic `a`, are different names
 * (UTS 39). A name proves nothing; the UUID of a member does.
 */
function normalizeName(text: string): string | undefined {
  // Printable ASCII, as most names are, is normal already.
  if (/^[ -~]+$/.test(text)) return text;
  if (text.length > MAX_TEXT_LENGTH) return undefined;
  let name = "";
  // The name, with a plain symbol for each emoji.
  let rest = "";
  for (const { segment } of GRAPHEMES.segment(text.normalize("NFC"))) {
    const emoji = qualifyEmoji(segment);
    name += emoji ?? segment;
    rest += emoji === undefined ? segment : "*";
  }
  const visible = rest.replace(VARIANT, "").replace(WORD, (word) => withoutJoiners(word));
  return visible === "" || INVISIBLE.test(visible) || LONE_MARK.test(visible) ? undefined : name;
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Returns the fully qualified form of an emoji; undefined if the grapheme is not an emoji. */
function qualifyEmoji(grapheme: string): string | undefined {
  const bare = grapheme.replace(/[\ufe0e\ufe0f]/g, "");
  const qualified = bare.replace(TEXT_BY_DEFAULT, "$&\ufe0f");
  return /^\p{RGI_Emoji}$/v.test(qualified) ? qualified : undefined;
}

/** Characters that are emoji only with U+FE0F, or with a skin tone. */
const TEXT_BY_DEFAULT = /(?!\p{Emoji_Presentation})\p{Emoji}(?!\p{Emoji_Modifier})/gu;

/** Variation selectors after the characters that have variants. */
const VARIANT = new RegExp(
  [
    "(?<=\\p{Unified_Ideograph})[\\ufe00-\\ufe02\\u{e0100}-\\u{e01ef}]",
    "(?<=[\\p{L}&&[\\p{scx=Mymr}\\p{scx=Phag}]])\\ufe00",
    "(?<=[\\p{L}&&\\p{scx=Mong}])[\\u180b-\\u180d\\u180f]",
    // The Mongolian vowel separator, before the last vowel of a word.
    "(?<=[\\p{L}&&\\p{scx=Mong}])\\u180e(?=[\\u1820\\u1821](?!\\p{L}))",
  ].join("|"),
  "gv",
);

/** The scripts whose letters joiners shape. */
const JOINING_SCRIPTS = [
  ...["Arab", "Syrc", "Adlm", "Mand", "Mong", "Nkoo", "Phag", "Rohg"],
  ...["Deva", "Beng", "Gujr", "Guru", "Khmr", "Knda", "Mlym", "Mymr"],
  ...["Orya", "Sinh", "Taml", "Telu"],
];

/** Letters and marks of one of these scripts, and joiners. */
const WORD = new RegExp(
  JOINING_SCRIPTS.map((script) => `(?:[[\\p{L}\\p{M}]&&\\p{scx=${script}}]|[\\u200c\\u200d])+`)
    .join("|"),
  "gv",
);

/** Removes the joiners from a word, unless one of them has no effect on its letters. */
function withoutJoiners(word: string): string {
  const bare = word.replace(/[\u200c\u200d]/g, "");
  if (bare === word || /\u200c(?!\p{L})/u.test(word)) return word;
  // The URL parser checks joiners as UTS 46 says: after a virama, or between letters that connect.
  return URL.canParse(`http://${word.replace(JOINER_BEFORE_VIRAMA, "$1\u200d")}`) ? bare : word;
}

/** Some letters have a joiner before the virama instead, such as the Bengali and Nepali ra. */
const JOINER_BEFORE_VIRAMA =
  /(?<=[\u0930\u09b0\u09f0\u0cb0\p{Script=Sinh}])\u200d(\p{M})(?=\p{L})/gu;

/**
 * Control, format, private use, and unassigned characters, line and paragraph separators, default
 * ignorable characters such as Hangul fillers, replacement characters, and characters with a blank
 * glyph.
 */
const INVISIBLE =
  /[\p{C}\p{Zl}\p{Zp}\p{DI}\ufffc\ufffd\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u;

/** A combining mark at the start of a word. */
const LONE_MARK = /(?<![^\p{Z}])\p{M}/u;

function lengthOf(name: string): number {
  return [...name].length;
}
