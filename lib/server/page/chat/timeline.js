/**
 * @typedef {object} MessageContent
 * @property {"message"} kind
 * @property {string} position
 * @property {string | null} from
 * @property {string | null} name
 * @property {string} text
 * @property {Date} at
 * @property {boolean} isOwn
 * @property {boolean} isReplay
 *
 * @typedef {{ kind: "gap", missedCount: number, reason: string }} GapContent
 *
 * @typedef {object} SkippedContent Stands for messages that the timeline does not have.
 * @property {"skipped"} kind
 * @property {number} count
 * @property {string | undefined} position Of the last one.
 * @property {boolean} isFlood Whether they came too fast to read. Otherwise there were too many.
 *
 * @typedef {MessageContent | GapContent | SkippedContent} Content
 *
 * @typedef {object} Entry
 * @property {Content} content
 * @property {Entry | undefined} previous
 * @property {Entry | undefined} next
 * @property {boolean} isDropped Whether the timeline does not have it any more.
 * @property {boolean} isShown Whether it has been in the document.
 */

/** @typedef {{ maxEntries?: number, maxCharacters?: number }} TimelineOptions */

/**
 * What happened in a room, oldest first: a bounded part of it. When it is full, it drops the oldest
 * entries, or counts those that no reader has seen.
 */
export class Timeline {
  /** @type {Entry | undefined} */
  first;
  /** @type {Entry | undefined} */
  last;
  /**
   * The last entry that is shown, while the newest ones cannot be read: the reader is further up,
   * or they come too fast. While it is set, a full timeline does not drop the oldest entries but
   * counts those after this one that have never been shown. So what the reader has loaded may
   * exceed the bounds.
   *
   * @type {Entry | undefined}
   */
  pinned;
  /**
   * The place before the first entry, to read older messages; undefined for the place where the
   * client joined.
   *
   * @type {string | undefined}
   */
  before;
  /** Whether there may be older messages than the first entry. */
  hasOlder = true;
  #size = 0;
  #characterCount = 0;
  /** @type {Set<string>} */
  #positions = new Set();
  #maxEntries;
  #maxCharacters;

  /** @param {TimelineOptions} [options] */
  constructor({ maxEntries = 2_000, maxCharacters = 4_000_000 } = {}) {
    this.#maxEntries = maxEntries;
    this.#maxCharacters = maxCharacters;
  }

  get size() {
    return this.#size;
  }

  /**
   * Adds what came last.
   *
   * @param {Content} content
   * @returns {boolean} False if it is a message that the timeline has.
   */
  append(content) {
    if (content.kind === "message" && this.#positions.has(content.position)) return false;
    this.#insert(content, this.last);
    while (this.#isFull && this.#size > 1 && this.#makeSpace());
    return true;
  }

  /**
   * Adds older messages at the front, in their order. They may exceed the bounds until the next
   * message comes.
   *
   * @param {readonly MessageContent[]} messages
   * @returns {number} How many of them were new.
   */
  prepend(messages) {
    let count = 0;
    for (const message of messages.toReversed()) {
      if (this.#positions.has(message.position)) continue;
      this.#insert(message, undefined);
      count++;
    }
    return count;
  }

  /**
   * Replaces entries of a flood by one that counts their messages. They are added to a count of
   * the same flood right before.
   *
   * @param {Entry} from
   * @param {Entry} to `from` or an entry after it.
   * @returns {Entry} The entry with the count.
   */
  collapse(from, to) {
    const before = from.previous;
    const counted = before?.content.kind === "skipped" && before.content.isFlood
      ? before
      : this.#insertCount(before, true);
    const end = to.next;
    while (counted.next !== end) this.#countNext(counted);
    return counted;
  }

  get #isFull() {
    return this.#size > this.#maxEntries || this.#characterCount > this.#maxCharacters;
  }

  /** Returns false if all that is left is for the reader. */
  #makeSpace() {
    if (this.pinned && !this.pinned.isDropped) return this.#countUnseen(this.pinned);
    const dropped = /** @type {Entry} */ (this.first);
    if (dropped.content.kind !== "gap") this.before = dropped.content.position;
    this.hasOlder = true;
    this.#remove(dropped);
    return true;
  }

  /**
   * Counts one more entry after the pinned one. Returns false if that is not possible.
   *
   * @param {Entry} pinned
   */
  #countUnseen(pinned) {
    // What has been shown is there when the reader comes back to it.
    while (pinned.next?.isShown) pinned = pinned.next;
    this.pinned = pinned;
    const { next } = pinned;
    // The newest entry stays: without it, nothing would show that there is more.
    if (!next?.next || next.next === this.last) return false;
    this.#countNext(next.content.kind === "skipped" ? next : this.#insertCount(pinned, false));
    return true;
  }

  /**
   * @param {Entry | undefined} previous
   * @param {boolean} isFlood
   */
  #insertCount(previous, isFlood) {
    return this.#insert({ kind: "skipped", count: 0, position: undefined, isFlood }, previous);
  }

  /** @param {Entry} counted */
  #countNext(counted) {
    const content = /** @type {SkippedContent} */ (counted.content);
    const next = /** @type {Entry} */ (counted.next);
    content.count += messageCount(next.content);
    if (next.content.kind !== "gap") content.position = next.content.position;
    this.#remove(next);
  }

  /**
   * @param {Content} content
   * @param {Entry | undefined} previous
   */
  #insert(content, previous) {
    const next = previous ? previous.next : this.first;
    /** @type {Entry} */
    const entry = { content, previous, next, isDropped: false, isShown: false };
    if (previous) previous.next = entry;
    else this.first = entry;
    if (next) next.previous = entry;
    else this.last = entry;
    this.#size++;
    if (content.kind === "message") {
      this.#positions.add(content.position);
      this.#characterCount += content.text.length;
    }
    return entry;
  }

  /** @param {Entry} entry */
  #remove(entry) {
    const { previous, next, content } = entry;
    if (previous) previous.next = next;
    else this.first = next;
    if (next) next.previous = previous;
    else this.last = previous;
    entry.isDropped = true;
    // A list that is not rendered may hold this entry for long, but nothing after it.
    entry.previous = undefined;
    entry.next = undefined;
    this.#size--;
    if (content.kind === "message") {
      this.#positions.delete(content.position);
      this.#characterCount -= content.text.length;
    }
  }
}

/**
 * The entries after one, oldest first.
 *
 * @param {Entry | undefined} entry
 * @param {number} count At most.
 * @returns {Entry[]}
 */
export function entriesAfter(entry, count) {
  /** @type {Entry[]} */
  const entries = [];
  for (let next = entry?.next; next && entries.length < count; next = next.next) entries.push(next);
  return entries;
}

/**
 * The entries before one, or up to the last one, oldest first.
 *
 * @param {Entry | undefined} entry
 * @param {Entry | undefined} last
 * @param {number} count At most.
 */
export function entriesBefore(entry, last, count) {
  /** @type {Entry[]} */
  const entries = [];
  for (let each = last ?? entry?.previous; each && entries.length < count; each = each.previous) {
    entries.unshift(each);
  }
  return entries;
}

/** @param {Content} content */
function messageCount(content) {
  if (content.kind === "message") return 1;
  return content.kind === "gap" ? content.missedCount : content.count;
}
