import { element } from "./element.js";
import {
  displayName,
  formatCount,
  formatDateTime,
  formatDay,
  formatTime,
  hueOf,
  initialOf,
  isSameDay,
} from "./format.js";
import { textWithLinks } from "./links.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./timeline.js").MessageContent} MessageContent
 * @typedef {import("./room.js").Outgoing} Outgoing
 */

/** After this time, the same author gets a new header. */
const GROUP_MS = 5 * 60 * 1000;

/** Longer texts are folded. */
const MAX_OPEN_LENGTH = 3_000;
const MAX_OPEN_LINES = 24;

/** What a gap means, by the reason that the server gives. */
const GAP_REASONS = new Map([
  ["expired", "the server does not have them any more"],
  ["unknown position", "the server has started over"],
  ["too slow", "this page could not keep up"],
  ["not committed", "the server could not store them"],
]);

/**
 * Creates the row of an entry, with a separator above where a day or the unread messages begin.
 *
 * @param {Entry} entry
 * @param {{ markerPosition: string | undefined, now: Date }} options
 */
export function createRow(entry, { markerPosition, now }) {
  const { content } = entry;
  const row = element("div", { className: "row" });
  if (content.kind !== "message") {
    row.append(element("p", { className: "remark" }, remarkOf(content)));
    return row;
  }
  const previousMessage = messageBefore(entry);
  if (!previousMessage || !isSameDay(previousMessage.at, content.at)) {
    row.append(separator("day", formatDay(content.at, now)));
  }
  if (isMarked(entry, markerPosition)) row.append(separator("marker", "New"));
  const isGrouped = row.childElementCount === 0 && previousMessage !== undefined &&
    previousMessage === entry.previous?.content &&
    isSameAuthor(previousMessage, content) &&
    content.at.getTime() - previousMessage.at.getTime() < GROUP_MS;
  row.append(messageElement(content, isGrouped));
  return row;
}

/**
 * Whether the marker of unread messages stands above an entry.
 *
 * @param {Entry} entry
 * @param {string | undefined} markerPosition
 */
export function isMarked(entry, markerPosition) {
  if (markerPosition === undefined || entry.content.kind !== "message") return false;
  return !entry.content.isOwn && messageBefore(entry)?.position === markerPosition;
}

/**
 * Creates the row of a message that is not in the room yet.
 *
 * @param {Outgoing} outgoing
 * @param {object} options
 * @param {{ id: string | null, name: string | null }} options.author
 * @param {boolean} options.isGrouped Whether the user's messages stand right above.
 * @param {() => void} options.onRetry
 * @param {() => void} options.onEdit
 * @param {() => void} options.onDiscard
 */
export function createOutgoingRow(
  { text, failure },
  { author, isGrouped, onRetry, onEdit, onDiscard },
) {
  const content = { from: author.id, name: author.name, text, at: new Date(), isOwn: true };
  const message = messageElement(content, isGrouped);
  const row = element("div", { className: failure ? "row failed" : "row sending" }, message);
  if (!failure) {
    message.append(element("p", { className: "state" }, "Sending…"));
    return row;
  }
  const button = (/** @type {string} */ textContent, /** @type {() => void} */ onclick) =>
    element("button", { type: "button", className: "link", textContent, onclick });
  // Sending a text again that is too long cannot help.
  const canRetry = failure.code !== "too_big" && failure.code !== "bad_text";
  message.append(element(
    "p",
    { className: "state" },
    `Not sent: ${failure.message}`,
    canRetry ? button("Retry", onRetry) : button("Edit", onEdit),
    button("Discard", onDiscard),
  ));
  return row;
}

/**
 * @param {Omit<MessageContent, "kind" | "position" | "isReplay">} content
 * @param {boolean} isGrouped
 */
function messageElement({ from, name, at, text, isOwn }, isGrouped) {
  const time = element("time", {
    dateTime: at.toISOString(),
    title: formatDateTime(at),
    textContent: formatTime(at),
  });
  const message = element("article", {
    className: `message${isGrouped ? " grouped" : ""}${isOwn ? " own" : ""}`,
  });
  if (isGrouped) {
    message.append(time, textElement(text));
    return message;
  }
  const shownName = displayName({ id: from, name });
  const initial = element("span", { className: "initial", ariaHidden: "true" });
  initial.textContent = initialOf(shownName);
  message.style.setProperty("--hue", String(hueOf(from ?? shownName)));
  message.append(
    initial,
    element(
      "header",
      {},
      element("bdi", { className: "author", textContent: shownName }),
      ...(isOwn ? [element("span", { className: "you", textContent: "you" })] : []),
      time,
    ),
    textElement(text),
  );
  return message;
}

/** @param {string} text */
function textElement(text) {
  const body = element("div", { className: "text", dir: "auto" }, ...textWithLinks(text));
  const lineCount = text.length < MAX_OPEN_LINES ? 1 : text.split("\n", MAX_OPEN_LINES + 1).length;
  if (text.length <= MAX_OPEN_LENGTH && lineCount <= MAX_OPEN_LINES) return body;
  body.classList.add("folded");
  const unfold = element("button", { type: "button", className: "unfold" });
  unfold.textContent = "Show the whole message";
  unfold.addEventListener("click", () => {
    body.classList.remove("folded");
    unfold.remove();
  });
  return element("div", {}, body, unfold);
}

/**
 * @param {string} className
 * @param {string} text
 */
function separator(className, text) {
  return element("p", { className: `separator ${className}` }, element("span", {}, text));
}

/** @param {import("./timeline.js").GapContent | import("./timeline.js").SkippedContent} content */
function remarkOf(content) {
  if (content.kind === "skipped") {
    const reason = content.isFlood ? "they came too fast to read" : "more came than the page holds";
    return `${messages(content.count)} not shown: ${reason}`;
  }
  const reason = GAP_REASONS.get(content.reason) ?? content.reason;
  return content.missedCount > 0
    ? `${messages(content.missedCount)} missing here: ${reason}`
    : `Messages may be missing here: ${reason}`;
}

/** @param {number} count */
function messages(count) {
  return count === 1 ? "1 message" : `${formatCount(count)} messages`;
}

/** @param {Entry} entry */
function messageBefore(entry) {
  let before = entry.previous;
  while (before && before.content.kind !== "message") before = before.previous;
  return before?.content.kind === "message" ? before.content : undefined;
}

/**
 * @param {MessageContent} one
 * @param {MessageContent} other
 */
function isSameAuthor(one, other) {
  return one.from === other.from && one.name === other.name;
}
