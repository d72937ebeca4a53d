const PREFIX = "chorus.page.";

/** What could not be stored, for as long as the page lives. @type {Map<string, unknown>} */
const unstored = new Map();

/**
 * Reads what the page remembers in this browser. Values are JSON. Users can edit them, so callers
 * check what they get.
 *
 * @param {string} key
 * @returns {unknown} Undefined if there is nothing.
 */
export function readStored(key) {
  if (unstored.has(key)) return unstored.get(key);
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Remembers a value; undefined forgets it. Without storage (a private window, a full disk) it lasts
 * as long as the page.
 *
 * @param {string} key
 * @param {unknown} value
 */
export function writeStored(key, value) {
  try {
    if (value === undefined) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
    unstored.delete(key);
  } catch {
    unstored.set(key, value);
  }
}

/**
 * Forgets a value, and returns it; undefined if there is none.
 *
 * @param {string} key
 * @returns {unknown}
 */
export function takeStored(key) {
  const value = readStored(key);
  writeStored(key, undefined);
  return value;
}

/**
 * The keys with this prefix.
 *
 * @param {string} prefix
 * @returns {string[]}
 */
export function storedKeys(prefix) {
  const keys = new Set(unstored.keys());
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX)) keys.add(key.slice(PREFIX.length));
    }
  } catch {
    // The user has forbidden the storage.
  }
  return [...keys].filter((key) => key.startsWith(prefix));
}

/**
 * Reads a text; undefined if there is none.
 *
 * @param {string} key
 * @returns {string | undefined}
 */
export function readStoredText(key) {
  const value = readStored(key);
  return typeof value === "string" ? value : undefined;
}
