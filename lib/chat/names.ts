/** The room of clients that name none. */
export const DEFAULT_ROOM_NAME = "lobby";

/** The maximum length of a room's name, in code points. */
const MAX_ROOM_NAME_CHARACTERS = 128;

/** The maximum length of a member's name, in code points. */
const MAX_MEMBER_NAME_CHARACTERS = 64;

/**
 * No longer text is normalized, in UTF-16 code units. The most costly one takes about 3 ms: letters
 * with many marks, and a joiner after each.
 */
const MAX_TEXT_LENGTH = 512;

/** Names that mean something else in a path. */
const DOTS = /^\.{1,2}$/;

/**
 * Parses the name of a room: a {@linkcode normalizeName} of 1 to 128 characters without spaces.
 * Returns undefined if the text is not one.
 */
export function parseRoomName(text: string): string | undefined {
  const name = normalizeName(text);
  return name === undefined || /\p{Z}/u.test(name) || DOTS.test(name) ||
      isLonger(name, MAX_ROOM_NAME_CHARACTERS)
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
  return name === undefined || isLonger(name, MAX_MEMBER_NAME_CHARACTERS) ? undefined : name;
}

/**
 * Normalizes a name, so that spellings with only invisible differences become one name, or are
 * refused. Returns undefined if the text is empty or has invisible characters.
 *
 * - It is in NFC, so two encodings of a letter are one.
 * - Each emoji has its one fully qualified form (UTS 51): `❤` is the same as `❤️`.
 * - Joiners stay where they shape the letters around them (UTS 46, RFC 5892 appendix A), and in an
 *   emoji. In words of scripts that have joiners, others are removed, as real names have them:
 *   `अशोक\u200c` is the same as `अशोक`.
 * - Variation selectors stay after letters and ideographs that have variants, and in an emoji.
 * - Elsewhere, these invisible characters could only make a name pass for another, as `An\u200Dn`
 *   for `Ann`. Such a name is refused.
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
  // A letter and a mark may compose once no joiner is between them.
  const shaped = text.normalize("NFC").replace(WORD, removeJoinersWithoutEffect).normalize("NFC");
  let name = "";
  // The name, with a plain symbol for each emoji.
  let rest = "";
  for (const { segment } of GRAPHEMES.segment(shaped)) {
    const emoji = qualifyEmoji(segment);
    name += emoji ?? segment;
    rest += emoji === undefined ? segment : "*";
  }
  const visible = rest.replace(WORD, removeJoiners).replace(VARIANT, "");
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

/**
 * A letter of one of these scripts, then its letters and marks, joiners, and variation selectors.
 * Joiners before the letter belong to the word unless they follow another character.
 */
const WORD = new RegExp(
  "(?:(?<![^\\p{Z}])[\\u200c\\u200d]+)?(?:" +
    JOINING_SCRIPTS.map((script) =>
      `[\\p{L}&&\\p{scx=${script}}]` +
      `[[[\\p{L}\\p{M}]&&\\p{scx=${script}}][\\u200c\\u200d\\u180b-\\u180f\\ufe00]]*`
    ).join("|") + ")",
  "gv",
);

function removeJoiners(word: string): string {
  return word.replace(/[\u200c\u200d]+/g, "");
}

/** Of the joiners between two characters, leaves only the first that has an effect. */
function removeJoinersWithoutEffect(word: string): string {
  return word.replace(JOINERS, (joiners, before: string, after: string) => {
    const around = [removeJoiners(before), removeJoiners(after)] as const;
    return [...new Set<string>(joiners)].find((joiner) => hasEffect(joiner, around)) ?? "";
  });
}

/** The marks of a letter. A limit of 30, as in the stream-safe format of UAX 15, bounds cost. */
const MARKS = "(?:\\p{M}[\\u200c\\u200d]*){0,30}";

/** Two letters, as a joiner also works through U+1E94B, a letter that joins like a mark. */
const LETTERS = `(?:\\p{L}[\\u200c\\u200d]*${MARKS}){0,2}`;

/** Joiners between two characters, with the letters around. */
const JOINERS = new RegExp(
  `(?<=(${LETTERS}))[\\u200c\\u200d]+(?=(${MARKS}${LETTERS}))`,
  "gu",
);

/** Returns whether a joiner, as the only one, shapes the letters around it. */
function hasEffect(joiner: string, [before, after]: readonly [string, string]): boolean {
  if (joiner === "\u200c" && !/^\p{L}/u.test(after)) return false;
  // The URL parser checks joiners as UTS 46 says: after a virama, or between letters that connect.
  const word = `${before}${joiner}${after}`.replace(JOINER_BEFORE_VIRAMA, "$1\u200d");
  return URL.canParse(`http://${word}`);
}

/** Some letters have a joiner before the virama instead, such as the Bengali and Nepali ra. */
const JOINER_BEFORE_VIRAMA =
  /(?<=[\u0930\u09b0\u09f0\u0cb0[\p{L}&&\p{sc=Sinh}]])\u200d(\p{M})(?=\p{L})/gv;

/**
 * Control, format, private use, and unassigned characters, line and paragraph separators, default
 * ignorable characters such as Hangul fillers, replacement characters, and characters with a blank
 * glyph.
 */
const INVISIBLE =
  /[\p{C}\p{Zl}\p{Zp}\p{DI}\ufffc\ufffd\u2800\u{13441}\u{13442}\u{16fe4}\u{1d159}]/u;

/** A combining mark at the start of a word. */
const LONE_MARK = /(?<![^\p{Z}])\p{M}/u;

/** Whether a name has more than this many code points. */
function isLonger(name: string, limit: number): boolean {
  return name.length > limit && [...name].length > limit;
}
