import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The flag that a mistyped one was probably meant to be: one that begins with it, or is a letter in three away. */
export function nearMiss(name: string, candidates: readonly string[]): string | undefined {
  const letterCount = name.replace(/^-+/, "").length;
  const beginsWith = letterCount > 1 ? candidates.find((each) => each.startsWith(name)) : undefined;
  if (beginsWith) return beginsWith;
  const nearest = closestString(name, candidates);
  return levenshteinDistance(name, nearest) <= Math.ceil(letterCount / 3) ? nearest : undefined;
}
