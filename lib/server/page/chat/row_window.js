/** @typedef {import("./timeline.js").Entry} Entry */

/**
 * The rows in the document: those of some entries of a timeline that follow each other. What the
 * reader sees stays in its place when rows come or go above it.
 */
export class RowWindow {
  #scroller;
  #rows;
  #createRow;
  /** @type {{ entry: Entry, row: HTMLElement }[]} */
  #window = [];
  /** Where the scroller was when this window last looked, in pixels. */
  #top = 0;

  /**
   * @param {object} options
   * @param {HTMLElement} options.scroller
   * @param {HTMLElement} options.rows
   * @param {(entry: Entry) => HTMLElement} options.createRow
   */
  constructor({ scroller, rows, createRow }) {
    this.#scroller = scroller;
    this.#rows = rows;
    this.#createRow = createRow;
  }

  get length() {
    return this.#window.length;
  }

  get first() {
    return this.#window[0]?.entry;
  }

  get last() {
    return this.#window.at(-1)?.entry;
  }

  /** How far the reader is from both ends, in pixels. */
  get distances() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return { toStart: scrollTop, toEnd: scrollHeight - scrollTop - clientHeight };
  }

  scrollToEnd() {
    // Even without an effect, it would end what the reader has begun to scroll.
    if (this.distances.toEnd >= 1) this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }

  /**
   * How far the reader has scrolled down since the last call, in pixels; negative if it was up.
   * What this window scrolls does not count.
   */
  takeScrolled() {
    const { scrollTop } = this.#scroller;
    const scrolled = scrollTop - this.#top;
    this.#top = scrollTop;
    return scrolled;
  }

  clear() {
    this.#window = [];
    this.#rows.replaceChildren();
  }

  /** Adds rows behind the last one. @param {readonly Entry[]} entries */
  append(entries) {
    const added = this.#create(entries);
    this.#rows.append(...added.map(({ row }) => row));
    this.#window.push(...added);
  }

  /** Adds rows before the first one. @param {readonly Entry[]} entries */
  prepend(entries) {
    const [first] = this.#window;
    this.#changeAbove(() => {
      const added = this.#create(entries);
      this.#rows.prepend(...added.map(({ row }) => row));
      this.#window.unshift(...added);
      if (!first) return;
      // It is not the first any more: its author and its day may stand above now.
      this.#renew(first);
    });
  }

  /**
   * Creates rows anew.
   *
   * @param {(entry: Entry, row: HTMLElement) => boolean} isStale Which ones.
   */
  renew(isStale) {
    this.#changeAbove(() => {
      for (const each of this.#window) if (isStale(each.entry, each.row)) this.#renew(each);
    });
  }

  /** Removes rows from the start. @param {number} count */
  removeFirst(count) {
    if (count > 0) this.#changeAbove(() => this.#remove(0, count));
  }

  /** Removes rows from the end. @param {number} count */
  removeLast(count) {
    if (count > 0) this.#remove(Math.max(0, this.#window.length - count), count);
  }

  /** Removes the rows of entries that the timeline does not have any more. */
  removeDropped() {
    if (!this.first?.isDropped && !this.last?.isDropped) return;
    const kept = this.#window.findIndex(({ entry }) => !entry.isDropped);
    if (kept < 0 || this.last?.isDropped) this.clear();
    else this.removeFirst(kept);
  }

  /** Removes the row of an entry, and all behind it. @param {Entry} entry */
  removeFrom(entry) {
    const at = this.#window.findIndex((each) => each.entry === entry || each.entry.isDropped);
    if (at >= 0) this.#remove(at, this.#window.length);
  }

  /** @param {readonly Entry[]} entries */
  #create(entries) {
    return entries.map((entry) => {
      entry.isShown = true;
      return { entry, row: this.#createRow(entry) };
    });
  }

  /** @param {{ entry: Entry, row: HTMLElement }} stale */
  #renew(stale) {
    const row = this.#createRow(stale.entry);
    stale.row.replaceWith(row);
    stale.row = row;
  }

  /**
   * @param {number} from
   * @param {number} count
   */
  #remove(from, count) {
    for (const { row } of this.#window.splice(from, count)) row.remove();
  }

  /** @param {() => void} change */
  #changeAbove(change) {
    const { scrollHeight, scrollTop } = this.#scroller;
    change();
    this.#scroller.scrollTop = scrollTop + this.#scroller.scrollHeight - scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }
}
