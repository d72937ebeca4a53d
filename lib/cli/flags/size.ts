const UNIT_BYTES = { "": 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };

/**
 * Parses a size such as `65536`, `64KiB`, or `1.5GiB`. A number without a unit is in bytes. Units
 * such as `KB` are refused, because some people mean 1,000 bytes and others 1,024.
 *
 * @returns Whole bytes, or undefined if the text is not a size.
 */
export function parseSizeBytes(text: string): number | undefined {
  const [, amount, unit] = text.match(/^(\d+(?:\.\d+)?)(|B|KiB|MiB|GiB|TiB)$/) ?? [];
  if (amount === undefined) return undefined;
  const bytes = Number(amount) * UNIT_BYTES[unit as keyof typeof UNIT_BYTES];
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Formats bytes in the largest unit that divides them: 65536 as `64KiB`, 1000 as `1000`. */
export function formatSizeBytes(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"] as const) {
    if (bytes > 0 && bytes % UNIT_BYTES[unit] === 0) return `${bytes / UNIT_BYTES[unit]}${unit}`;
  }
  return String(bytes);
}
