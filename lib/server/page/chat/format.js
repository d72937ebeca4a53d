const TIME = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = new Intl.DateTimeFormat("en", { dateStyle: "long" });
const COUNT = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT_COUNT = new Intl.NumberFormat("en", {
  notation: "compact",
  maximumSignificantDigits: 3,
});

const DAY_MS = 24 * 60 * 60 * 1000;

/** Formats the time of day, such as `14:05`. @param {Date} at */
export function formatTime(at) {
  return TIME.format(at);
}

/** Formats date and time in full. @param {Date} at */
export function formatDateTime(at) {
  return FULL.format(at);
}

/**
 * Formats a day as people say it.
 *
 * @param {Date} at
 * @param {Date} now
 */
export function formatDay(at, now) {
  if (isSameDay(at, now)) return "Today";
  if (isSameDay(at, new Date(now.getTime() - DAY_MS))) return "Yesterday";
  return (at.getFullYear() === now.getFullYear() ? DAY : DAY_OF_YEAR).format(at);
}

/**
 * Whether both times are on the same day, where the reader is.
 *
 * @param {Date} one
 * @param {Date} other
 */
export function isSameDay(one, other) {
  return one.toDateString() === other.toDateString();
}

/** Formats a count, such as `1,234`. @param {number} count */
export function formatCount(count) {
  return COUNT.format(count);
}

/**
 * Formats how many messages are unread in some rooms, such as `50+`; empty if none are.
 *
 * @param {readonly { readonly unreadCount: number, readonly hasMoreUnread: boolean }[]} rooms
 */
export function formatUnread(rooms) {
  const count = rooms.reduce((sum, { unreadCount }) => sum + unreadCount, 0);
  const hasMore = rooms.some(({ hasMoreUnread }) => hasMoreUnread);
  return count > 0 ? `${formatCount(count)}${hasMore ? "+" : ""}` : "";
}

/** Formats a number in little space, such as `12.3K`. @param {number} value */
export function formatShort(value) {
  return SHORT_COUNT.format(value);
}

/**
 * The name to show for a member. One without a name is a guest, told apart by its id.
 *
 * @param {{ readonly id: string | null, readonly name: string | null }} member
 */
export function displayName({ id, name }) {
  return name ?? (id === null ? "HTTP" : `Guest ${id.slice(-4)}`);
}

/**
 * A hue for each member, 0 to 359. It depends on the id only, so a new name keeps it.
 *
 * @param {string} id
 */
export function hueOf(id) {
  let hash = 2166136261;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 16777619);
  // The golden angle separates the hues of hashes that are close.
  return Math.round((hash >>> 8) * 137.508) % 360;
}

/** The first letter of a name, as readers see letters. @param {string} name */
export function initialOf(name) {
  const [first] = new Intl.Segmenter().segment(name);
  return (first?.segment ?? "").toLocaleUpperCase();
}
