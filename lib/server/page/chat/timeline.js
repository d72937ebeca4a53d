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
 * @typedef {{ kind: "skipped", count: number, position: string | undefined }} SkippedContent
 * @typedef {MessageContent | GapContent | SkippedContent} Content
 *
 * @typedef {object} Entry
 * @property {Content} content
 * @property {Entry | undefined} previous
 * @property {Entry | undefined} next
 * @property {boolean} isDropped Whether the timeline does not have it any more.
 */

/** @typedef {{ maxEntries?: number, maxCharacters?: number }} TimelineOptions */

/**
 * What happened in a room, oldest first: a bounded part of it. When it is full, it drops the oldest
 * entries, or counts those that nobody can have seen.
 */
export class Timeline {
  /** @type {Entry | undefined} */
  first;
  /** @type {Entry | undefined} */
  last;
  /**
   * The last entry that is shown, while nobody can read those after it: the reader is further up,
   * or they come too fast. While it is set, a full timeline does not drop the oldest entries but
   * counts those after this one.
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
    while (this.#isFull && this.#size > 1) this.#makeSpace();
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
   * Replaces entries by one that counts their messages. It becomes part of a count right before.
   *
   * @param {Entry} from
   * @param {Entry} to `from` or an entry after it.
   * @returns {Entry} The entry with the count.
   */
  collapse(from, to) {
    const before = from.previous;
    const counted = before?.content.kind === "skipped"
      ? before
      : this.#insert({ kind: "skipped", count: 0, position: undefined }, before);
    const end = to.next;
    while (counted.next !== end) this.#countNext(counted);
    return counted;
  }

  get #isFull() {
    return this.#size > this.#maxEntries || this.#characterCount > this.#maxCharacters;
  }

  #makeSpace() {
    if (this.#countUnseen()) return;
    const dropped = /** @type {Entry} */ (this.first);
    if (dropped.content.kind !== "gap") this.before = dropped.content.position;
    this.hasOlder = true;
    this.#remove(dropped);
  }

  /** Counts one more entry after the pinned one. Returns false if that is not possible. */
  #countUnseen() {
    const next = this.pinned?.next;
    const to = next?.next;
    // The newest entry stays: without it, nothing would show that there is more.
    if (!next || !to || to === this.last) return false;
    this.collapse(next.content.kind === "skipped" ? to : next, to);
    return true;
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
    const entry = { content, previous, next, isDropped: false };
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
    // A list that is not rendered may hold this entry for long. Nothing else is to stay with it.
    entry.previous = undefined;
    entry.next = undefined;
    this.#size--;
    if (content.kind === "message") {
      this.#positions.delete(content.position);
      this.#characterCount -= content.text.length;
    }
  }
}

/** @param {Content} content */
function messageCount(content) {
  if (content.kind === "message") return 1;
  return content.kind === "gap" ? content.missedCount : content.count;
}
