import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Returns the name that a mistyped one probably means: one that starts with it, or one that differs
 * in at most a third of its characters. Undefined if there is none.
 */
export function nearMiss(name: string, candidates: readonly string[]): string | undefined {
  const letterCount = name.replace(/^-+/, "").length;
  const beginsWith = letterCount > 1 ? candidates.find((each) => each.startsWith(name)) : undefined;
  if (beginsWith) return beginsWith;
  const nearest = closestString(name, candidates);
  return levenshteinDistance(name, nearest) <= Math.ceil(letterCount / 3) ? nearest : undefined;
}
