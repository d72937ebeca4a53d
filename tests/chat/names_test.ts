import { assert, assertEquals } from "@std/assert";
import { parseMemberName, parseRoomName } from "../../lib/chat/names.ts";

/** A name and its code points, as some of them are invisible. */
function describe(name: string): string {
  const points = Array.from(name, (each) => each.codePointAt(0)!.toString(16)).join(" ");
  return `${name} (${points.slice(0, 40)})`;
}

/** Names without spaces that rooms and members may have. */
const NAMES = [
  ...["lobby", "a", "1", "#1", "O'Hara", "a/b?c=d&e#f%20", "...", "x".repeat(64)],
  // Scripts, with their marks.
  ...[
    "Küche",
    "Nguyễn",
    "Ωμέγα",
    "Дмитрий",
    "茶室",
    "さくら",
    "ガッツ",
    "한글",
    "ไทย",
    "ລາວ",
    "ខ្មែរ",
  ],
  ...["မြန်မာ", "བོད་ཡིག", "ქართული", "Հայերեն", "አማርኛ", "ᏣᎳᎩ", "ދިވެހި", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "𞤀𞤁𞤂𞤃"],
  // From right to left, with points.
  ...["שלום", "שָׁלוֹם", "مُحَمَّد", "ܫܠܡܐ", "ߒߞߏ"],
  // Joiners: Persian, Urdu, Syriac, Mongolian.
  ...["می\u200cخواهم", "شرکت\u200cها", "نامه\u200cای", "ܒ\u200cܒ", "ᠮ\u200cᠣ"],
  ...["مَ\u200cخ", "ـم\u200cخ", "(می\u200cخ)", "«می\u200cخ»1"],
  // Joiners after a virama: Hindi, Sinhala, Bengali, Malayalam, Kannada, Tamil.
  ...["क्\u200dष", "क्\u200cष", "ශ්\u200dරී", "ක්\u200dෂ", "ক্\u200dষ", "അനില്\u200d", "ನ್\u200cನ"],
  "ஸ்\u200cரீ",
  // Joiners before a virama: Bengali, Nepali, Sinhala.
  ...["র\u200d্যাব", "गर\u200d्यो", "ක\u200d්ක"],
  // Variants: of ideographs, and of Mongolian, Myanmar, and Phags-pa letters.
  ...[
    "葛\u{e0100}城",
    "辻\u{e0101}",
    "豈\ufe00",
    "ᠨᠢᠭᠡ\u180b",
    "ᠠ\u180f",
    "ᠴᠠᠭᠠ\u180eᠠ",
    "က\ufe00",
    "ꡖ\ufe00",
  ],
  // Emoji.
  ...["🫖", "😀", "❤️", "Ann❤️", "☺️", "👍🏽", "☝🏽", "☝️", "🇩🇪", "🇩🇪🇫🇷", "🇦", "1️⃣", "#️⃣1️⃣", "♀️"],
  ..."👩‍💻 👩🏿‍💻 🧑🏻‍🤝‍🧑🏿 👨‍👩‍👧‍👦 👩‍❤️‍💋‍👨 a👩‍💻b 茶👩‍💻室 ★ →".split(" "),
  ..."❤️‍🔥 🏳️‍🌈 🏳️‍⚧️ 🏴‍☠️ 👁️‍🗨️ ⛹🏻‍♂️ 🐻‍❄️".split(" "),
  "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
  "👨‍👩‍👧‍👦".repeat(9),
];

/** Other spellings, and the name that they are. */
const SPELLINGS = [
  ["Ku\u0308che", "Küche"],
  ["\u212b", "Å"],
  // Without the variation selector, with it in the wrong place, with one too many.
  ...[["❤", "❤️"], ["❤\ufe0e", "❤️"], ["😀\ufe0f", "😀"], ["☝️🏽", "☝🏽"], ["1\u20e3", "1️⃣"]],
  ...[["🏳‍🌈", "🏳️‍🌈"], ["👁‍🗨", "👁️‍🗨️"], ["⛹🏻‍♂", "⛹🏻‍♂️"], ["👩‍❤‍👨", "👩‍❤️‍👨"]],
  // With joiners that have no effect: Telugu, Kannada, Persian, Arabic, Hindi, Nepali, Sinhala.
  ...[["అశోక్\u200c", "అశోక్"], ["ಅಶೋಕ್\u200cಕುಮಾರ್\u200c", "ಅಶೋಕ್\u200cಕುಮಾರ್"]],
  ...[["محمد\u200cرضا", "محمدرضا"], ["عبد\u200cالله", "عبدالله"], ["کوروش\u200c", "کوروش"]],
  ...[["रमेश\u200cजी", "रमेशजी"], ["क\u200dष", "कष"], ["क्\u200c", "क्"], ["द\u200d्य", "द्य"]],
  ...[["क\u200cष", "कष"], ["ក\u200cក", "កក"]],
  ...[["ක\u200cක", "කක"], ["دا\u200cن", "دان"], ["بے\u200cخود", "بےخود"], ["م\u200dخ", "مخ"]],
  ...[["می\u200c", "می"], ["\u200cمی", "می"], ["ب\u200c1", "ب1"], ["م\u200cb", "مb"]],
  ...[["क्\u200ca", "क्a"], ["म\u200d😀", "म😀"], ["ൎ\u200c😀", "ൎ😀"]],
  // Of several, the first with an effect stays.
  ...[["می\u200c\u200cخ", "می\u200cخ"], ["می\u200d\u200cخ\u200c", "می\u200cخ"]],
  ...[["क्\u200d\u200dष", "क्\u200dष"], ["क्\u200c\u200cष", "क्\u200cष"]],
  // A letter and a mark compose without a joiner between them.
  ...[["ا\u200c\u0653", "آ"], ["ක\u0dd9\u200d\u0dca", "ක\u0dda"]],
] as [string, string][];

/** Texts that are neither the name of a room nor of a member. */
const NOT_NAMES = {
  "an empty name": ["", "\u200b", "\u200d", "\u200c\u200d", "\ufe0f", "\u{e0100}", "\u180b"],
  "a blank glyph": ["\u2800", "\u3164", "\u115f", "\u1160", "\uffa0", "a\u3164", "\u{1d159}"],
  "a blank mark or hieroglyph": ["\u17b4", "\u{13441}", "\u{13442}", "a\u{16fe4}"],
  "a mark without a letter": ["\u0301", "\u0301a", "\u20e3", "\u093e", "\u064e\u064e"],
  "a zero-width character": ["An\u200bn", "An\u2060n", "An\ufeffn", "An\u180en", "An\u034fn"],
  "a soft hyphen": ["An\u00adn", "Ann\u00ad"],
  "a joiner without a use": [
    ...["An\u200dn", "Ann\u200d", "An\u200cn", "\u200dAnn", "茶\u200d室", "Ж\u200cж", "a\u200d😀"],
    ...["ר\u200cש", "👩\u200d\u200d💻", "🇩🇪\u200d", "😀\u200dम", "a\u200cمی", "a\u064e\u200cم"],
    ...["می😀\u200c", "茶\u200cمی", "می \u200c"],
    ...["😀\u200d", "👩‍", "👩‍🍎", "👩‍👩"],
  ],
  "a variation selector without a use": [
    ...["Ann\ufe0f", "A\ufe0fnn", "1\ufe0f", "Ann\ufe00", "Ann\u{e0100}", "カ\u{e0100}", "é\ufe0f"],
    ...[
      "葛\u{e0100}\u{e0101}",
      "葛\ufe0f",
      "Ann\u180b",
      "ᠠ\u180b\u180b",
      "ᠠ\ufe00",
      "ᠠ\u180e",
      "ᠠ\u180eᠨ",
    ],
    ...["👩‍💻\u{e0100}", "🇩\ufe0f", "茶室\ufe0f", "+\ufe0f", "\ufe0f❤"],
  ],
  "tags that are no flag": [
    ...["Ann\u{e0061}", "🏴\u{e0075}\u{e0073}\u{e007f}", "🏴\u{e0067}\u{e0062}", "\u{e0001}Ann"],
    ...["😀\u{e0067}\u{e007f}", "🏴\u{e007f}"],
  ],
  "a bidi control": ["\u202eAnn", "Ann\u200f", "A\u2066nn\u2069", "\u061cA", "Ann\u202c"],
  "a control character": ["a\x00b", "a\nb", "a\tb", "a\x7fb", "a\u0085b", "a\u2028b", "a\u2029b"],
  "another character that is not text": [
    ...["a\ufffd", "a\ufffc", "a\ue000", "a\u{f0000}", "a\ud83e", "\udc00a", "a\u0378", "a\uffff"],
    ...["a\ufff9b", "a\u206ab", "a\u{1bca0}b", "a\u{1d173}b", "a\u{e0fff}"],
  ],
};

const SPACES = [..." \u00a0\u1680\u2000\u2003\u2009\u202f\u205f\u3000"];

for (const name of NAMES) {
  Deno.test(`a room and a member may be called ${describe(name)}`, () => {
    assertEquals([parseRoomName(name), parseMemberName(name)], [name, name]);
  });
}

for (const [text, name] of SPELLINGS) {
  Deno.test(`${describe(text)} is ${describe(name)}`, () => {
    assertEquals([parseRoomName(text), parseMemberName(text)], [name, name]);
    assertEquals(parseMemberName(`Ann ${text} ${text}`), `Ann ${name} ${name}`);
  });
}

for (const [why, texts] of Object.entries(NOT_NAMES)) {
  Deno.test(`no room or member is called like ${why}`, () => {
    for (const text of texts) {
      assertEquals([parseRoomName(text), parseMemberName(text)], [undefined, undefined], text);
      if (text === "") continue;
      assertEquals(parseMemberName(`Ann ${text}`), undefined, describe(text));
    }
  });
}

Deno.test("a member's name has one U+0020 between words", () => {
  for (const space of SPACES) {
    assertEquals(parseMemberName(`${space}Ann${space} ${space}Lee${space}`), "Ann Lee");
    for (const text of [space, space + space]) assertEquals(parseMemberName(text), undefined);
    assertEquals(parseMemberName(`Ann${space}\u0301`), undefined);
  }
  assertEquals(parseMemberName("\ufeff\tAnn\r\n"), "Ann");
  assertEquals(parseMemberName("می\u200cخواهم 👩‍💻 क्\u200dष"), "می\u200cخواهم 👩‍💻 क्\u200dष");
});

Deno.test("joiners without an effect are removed from each word of a member's name", () => {
  assertEquals(parseMemberName("మహేష్\u200c బాబు"), "మహేష్ బాబు");
  assertEquals(parseMemberName("ಅಶೋಕ್\u200c ಕುಮಾರ್\u200c"), "ಅಶೋಕ್ ಕುಮಾರ್");
  assertEquals(parseMemberName("علی \u200cرضا"), "علی رضا");
});

Deno.test("joiners without an effect make no other name, wherever they are in a word", () => {
  // Letters and marks of a script, with and without a virama, compositions, and variants.
  const alphabets = [
    ...["بدمیا\u0653\u064e\u0655", "ܒܐܝ\u0730\u064b", "ᠠᠨᠮ\u180b\u180e"],
    ...["𞤀𞤁\u{1e94b}\u{1e944}", "कषर\u094d\u093c\u0951", "কর\u09cd\u09c7\u09be"],
    ...["කර\u0dd9\u0dca\u0dcf", "ಕರ\u0ccd\u0cbf", "കനൎ\u0d4d\u0d3e❤"],
    ...["တက\u1039\u103a\ufe00", "دب\u064e❤1a\u0323"],
  ].map((characters) => [...characters, "\u200c", "\u200d"]);
  const isJoiner = (character: string) => /[\u200c\u200d]/.test(character);
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const alphabet = alphabets[i % alphabets.length]!;
    const text = Array.from({ length: 2 + random(9) }, () => alphabet[random(alphabet.length)]!);
    const name = parseMemberName(text.join(""));
    if (name === undefined) continue;
    accepted++;
    assertEquals(parseMemberName(name), name, describe(name));
    const bare = parseMemberName(text.filter((each) => !isJoiner(each)).join(""));
    const spelling = text.filter((character, at) => {
      if (!isJoiner(character)) return true;
      const alone = text.filter((each, index) => index === at || !isJoiner(each));
      return parseMemberName(alone.join("")) !== bare;
    });
    assertEquals(parseMemberName(spelling.join("")), name, describe(text.join("")));
  }
  assert(accepted > 5000, `${accepted} names`);
});

Deno.test("a room's name has no spaces and is no path segment with a meaning", () => {
  for (const space of SPACES) {
    for (const text of [`tea${space}room`, `${space}tea`, `tea${space}`, space]) {
      assertEquals(parseRoomName(text), undefined, describe(text));
    }
  }
  for (const text of [".", "..", "\ufefftea", "tea\n"]) {
    assertEquals(parseRoomName(text), undefined);
  }
});

Deno.test("a room's name has at most 128 code points, a member's 64", () => {
  for (const [parse, max] of [[parseRoomName, 128], [parseMemberName, 64]] as const) {
    for (const character of ["x", "é", "🫖", "茶"]) {
      const longest = character.repeat(max);
      assertEquals([parse(longest), parse(longest + character)], [longest, undefined]);
      assertEquals(parse(character.repeat(1_000_000)), undefined);
    }
    assertEquals(parse("e\u0301".repeat(max)), "é".repeat(max));
  }
});

Deno.test("every recommended emoji is a name, and has one spelling without its selectors", () => {
  const emoji: string[] = [];
  for (let point = 0x80; point < 0x20000; point++) {
    const character = String.fromCodePoint(point);
    if (!/^\p{Emoji}$/u.test(character)) continue;
    for (const suffix of ["", "\ufe0f", "🏻", "‍♀️", "🏿‍♂️", "‍💻", "🏽‍❤️‍💋‍👩🏻", "‍❤️‍👨"]) {
      if (/^\p{RGI_Emoji}$/v.test(character + suffix)) emoji.push(character + suffix);
    }
  }
  assert(emoji.length > 1500, `${emoji.length} emoji`);
  for (const each of emoji) {
    assertEquals(parseRoomName(each), each, describe(each));
    assertEquals(parseRoomName(each.replaceAll("\ufe0f", "")), each, describe(each));
  }
});
