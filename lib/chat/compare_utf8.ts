/**
 * Compares texts by their UTF-8, as a durable history does. UTF-16, which JavaScript compares, has
 * the same order, except for surrogates: they stand for the code points after all others.
 */
export function compareUtf8(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const unit = one.charCodeAt(index);
    const otherUnit = other.charCodeAt(index);
    if (unit === otherUnit) continue;
    if (isSurrogate(unit) !== isSurrogate(otherUnit)) return isSurrogate(unit) ? 1 : -1;
    return unit - otherUnit;
  }
  return one.length - other.length;
}

/** Returns the index of the first text after another one. The texts are in the same order. */
export function indexAfter(texts: readonly string[], text: string): number {
  let [low, high] = [0, texts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareUtf8(texts[middle]!, text) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
