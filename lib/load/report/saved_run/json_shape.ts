/**
 * Readers of parsed JSON. Each checks a value and returns it with its type.
 *
 * @module
 */

/** A value of parsed JSON is not what it must be. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";

  /** @param path Where the value stands, such as `measurement.ledger.lost`. */
  constructor(path: string, value: unknown, mustBe: string) {
    super(value === undefined ? `${path} is missing` : `${path} must be ${mustBe}`);
  }
}

/**
 * Checks the value at a path, and returns it with its type.
 *
 * @throws {ShapeError} If the value has another shape.
 */
export type Reader<T> = (value: unknown, path: string) => T;

/** Reads a finite number. */
export const number: Reader<number> = (value, path) => {
  if (typeof value !== "number") throw new ShapeError(path, value, "a number");
  return value;
};

/** Reads a count: a whole number that is not negative. */
export const count: Reader<number> = (value, path) => {
  if (!Number.isSafeInteger(value) || Number(value) < 0) {
    throw new ShapeError(path, value, "a whole number that is not negative");
  }
  return value as number;
};

/** Reads a text. */
export const text: Reader<string> = (value, path) => {
  if (typeof value !== "string") throw new ShapeError(path, value, "a text");
  return value;
};

/** Reads true or false. */
export const boolean: Reader<boolean> = (value, path) => {
  if (typeof value !== "boolean") throw new ShapeError(path, value, "true or false");
  return value;
};

/** Reads one of several texts. */
export function oneOf<T extends string>(...texts: readonly T[]): Reader<T> {
  return (value, path) => {
    const found = texts.find((each) => each === value);
    if (found === undefined) throw new ShapeError(path, value, `one of ${texts.join(", ")}`);
    return found;
  };
}

/** Reads a value that may be missing. JSON has null for undefined. */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, path) => value === undefined || value === null ? undefined : reader(value, path);
}

/** Reads an array. */
export function list<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new ShapeError(path, value, "a list");
    return value.map((each, index) => reader(each, `${path}[${index}]`));
  };
}

/** Reads an array of two elements. */
export function pair<A, B>(first: Reader<A>, second: Reader<B>): Reader<readonly [A, B]> {
  return (value, path) => {
    if (!Array.isArray(value) || value.length !== 2) throw new ShapeError(path, value, "a pair");
    return [first(value[0], `${path}[0]`), second(value[1], `${path}[1]`)];
  };
}

/** Reads a map, which JSON has as a list of pairs. */
export function map<K, V>(key: Reader<K>, value: Reader<V>): Reader<Map<K, V>> {
  const pairs = list(pair(key, value));
  return (each, path) => new Map(pairs(each, path));
}

/**
 * Reads an object with these keys, in the order in which it has them. It may have others, which a
 * later version has added: they are left out.
 */
export function object<T>(
  readers: { readonly [Key in keyof T]-?: Reader<T[Key]> },
): Reader<T> {
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ShapeError(path, value, "an object");
    }
    const byKey = readers as Readonly<Record<string, Reader<unknown>>>;
    const keys = Object.keys({ ...value, ...readers }).filter((key) => Object.hasOwn(byKey, key));
    const entries = keys.map((key) => {
      const field = (value as Record<string, unknown>)[key];
      return [key, byKey[key]!(field, path ? `${path}.${key}` : key)] as const;
    });
    // A field that is missing, and may be, stays missing.
    return Object.fromEntries(
      entries.filter(([key, field]) => field !== undefined || Object.hasOwn(value, key)),
    ) as T;
  };
}
