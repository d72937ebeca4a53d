import { byId, element } from "./element.js";
import { formatCount } from "./format.js";
import { createOutgoingRow, createRow, isMarked } from "./message_view.js";
import { RowWindow } from "./row_window.js";
import { entriesAfter, entriesBefore } from "./timeline.js";

/**
 * @typedef {import("./timeline.js").Entry} Entry
 * @typedef {import("./room.js").Room} Room
 */

/** How many rows the document has at most. */
const MAX_ROWS = 400;

/** How many rows a room starts with, and how many more there are after scrolling to an end. */
const STEP = 60;

/** When more messages than this come between two frames, readers cannot follow. */
const MAX_ROWS_PER_FRAME = 50;

/** How many of them are shown at once. */
const FLOOD_ROWS = 12;

/** So long after the last such frame, the flood has ended. */
const FLOOD_MS = 1_000;

/** How near to an end the reader gets before there are more rows, in pixels. */
const REACH = 800;

/** So near to the end, a reader who scrolls down follows the conversation, in pixels. */
const NEAR_END = 32;

/** At the end, positions may differ by a fraction of a pixel. */
const AT_END = 1;

/**
 * The messages of a room. The document has only the rows around those that the reader sees: a
 * window on the timeline, which moves with the reader.
 */
export class MessageList {
  #log = byId("log", HTMLElement);
  #outgoing = byId("outgoing", HTMLElement);
  #start = byId("start", HTMLElement);
  #jump = byId("jump", HTMLButtonElement);
  #window;
  /** @type {Map<string, { outgoing: unknown, row: HTMLElement }>} */
  #outgoingRows = new Map();
  /** @type {Room | undefined} */
  #room;
  /** @type {import("./timeline.js").Timeline | undefined} */
  #timeline;
  /** @type {string | undefined} */
  #markerPosition;
  #today = "";
  #isFollowing = true;
  /** Whether the last message stood in the document after the last frame. */
  #hasEnd = true;
  /**
   * Set while messages come too fast to read.
   *
   * @type {{ counted: Entry | undefined, endsAtMs: number } | undefined}
   */
  #flood;
  #onEdit;
  #retry = element("button", { type: "button", className: "link" }, "Retry");

  /**
   * @param {{ onScroll: () => void, onEdit: (text: string) => void }} options `onScroll` is called
   * when {@linkcode render} has something to do. `onEdit` gets a text to write anew.
   */
  constructor({ onScroll, onEdit }) {
    this.#onEdit = onEdit;
    this.#window = new RowWindow({
      scroller: this.#log,
      rows: byId("rows", HTMLElement),
      createRow: (entry) =>
        createRow(entry, { markerPosition: this.#room?.markerPosition, now: new Date() }),
    });
    this.#log.addEventListener("scroll", () => {
      this.#noteScroll();
      onScroll();
    }, { passive: true });
    this.#jump.addEventListener("click", () => {
      this.follow();
      onScroll();
      this.#log.focus();
    });
    this.#retry.addEventListener("click", () => {
      // The button goes away.
      this.#log.focus();
      this.#room?.loadOlder();
      onScroll();
    });
    // The field below grows, or the keyboard of a phone opens.
    new ResizeObserver(() => this.#isFollowing && this.#window.scrollToEnd()).observe(this.#log);
  }

  /** Whether the reader sees the newest messages. */
  get isFollowing() {
    return this.#isFollowing;
  }

  /** Whether messages come too fast to read. */
  get isFlooded() {
    return this.#flood !== undefined;
  }

  /** Shows another room. @param {Room} room */
  show(room) {
    if (this.#timeline) this.#timeline.pinned = undefined;
    this.#room = room;
    this.#timeline = undefined;
    this.#outgoing.replaceChildren();
    this.#outgoingRows.clear();
    this.#isFollowing = true;
    this.#flood = undefined;
  }

  /** Goes to the newest messages. */
  follow() {
    this.#isFollowing = true;
    if (this.#window.last !== this.#timeline?.last) this.#window.clear();
    this.#window.scrollToEnd();
  }

  /** Brings the document up to date. Called at most once a frame. */
  render() {
    const room = this.#room;
    if (!room) return;
    // In smooth scrolling, the event may come after this frame.
    this.#noteScroll();
    if (this.#timeline !== room.timeline) this.#window.clear();
    const timeline = this.#timeline = room.timeline;
    this.#window.removeDropped();
    this.#moveMarker(room);
    const today = new Date().toDateString();
    // "Today" is yesterday now.
    if (today !== this.#today && this.#isFollowing) this.#window.clear();
    this.#today = today;
    const nowMs = performance.now();
    if (this.#flood && nowMs > this.#flood.endsAtMs) this.#flood = undefined;
    // Only what is new is worth announcing, and not more than a user can listen to.
    const isLive = this.#isFollowing && !this.#flood && this.#window.length > 0;
    this.#log.ariaLive = isLive ? "polite" : "off";
    if (this.#window.length === 0) {
      this.#window.append(entriesBefore(undefined, timeline.last, STEP));
    } else if (this.#isFollowing) this.#appendNew(nowMs);
    this.#renderOutgoing(room);
    if (this.#isFollowing) {
      this.#window.removeFirst(this.#window.length - MAX_ROWS);
      this.#window.scrollToEnd();
    }
    this.#extend(room);
    this.#hasEnd = this.#window.last === timeline.last;
    // A flood fills the timeline between two frames.
    timeline.pinned = this.#isFollowing && !this.#flood ? undefined : this.#window.last;
    this.#renderEdges(room);
  }

  /** Decides whether a reader who has scrolled sees the newest messages. */
  #noteScroll() {
    const scrolled = this.#window.takeScrolled();
    if (scrolled === 0 || this.#timeline !== this.#room?.timeline) return;
    // Smooth scrolling and touchpads begin with a few pixels: they must not be taken back.
    const reach = scrolled < 0 ? AT_END : NEAR_END;
    this.#isFollowing = this.#hasEnd && this.#window.distances.toEnd <= reach;
  }

  /** The user has left off elsewhere. @param {Room} room */
  #moveMarker({ markerPosition }) {
    if (markerPosition === this.#markerPosition) return;
    this.#markerPosition = markerPosition;
    this.#window.renew((entry, row) =>
      isMarked(entry, markerPosition) !== (row.querySelector(".marker") !== null)
    );
  }

  /** Shows what came since the last frame. @param {number} nowMs */
  #appendNew(nowMs) {
    const entries = entriesAfter(this.#window.last, MAX_ROWS_PER_FRAME + 1);
    if (entries.length <= MAX_ROWS_PER_FRAME) {
      this.#window.append(entries);
      return;
    }
    const last = this.#timeline?.last;
    const isLive = last?.content.kind === "message" && !last.content.isReplay;
    const endsAtMs = nowMs + FLOOD_MS;
    if (isLive && this.#flood) {
      this.#flood = { counted: this.#countFlood(this.#flood.counted), endsAtMs };
      return;
    }
    // The rows between are there when the reader scrolls up.
    this.#flood = { counted: undefined, endsAtMs };
    this.#window.clear();
    this.#window.append(entriesBefore(undefined, last, FLOOD_ROWS));
  }

  /**
   * Counts all but the newest messages of a flood, also those that were shown a moment ago.
   *
   * @param {Entry | undefined} counted The entry that counts those before.
   */
  #countFlood(counted) {
    const timeline = /** @type {import("./timeline.js").Timeline} */ (this.#timeline);
    const isKnown = counted !== undefined && !counted.isDropped;
    const from = isKnown ? counted.next : this.#window.last?.next;
    const to = entriesBefore(undefined, timeline.last, FLOOD_ROWS + 1)[0];
    if (!from || !to) return counted;
    const entry = timeline.collapse(from, to);
    // Its row has the old count, and those below it are counted now.
    this.#window.removeFrom(entry);
    this.#window.append([entry, ...entriesAfter(entry, FLOOD_ROWS)]);
    return entry;
  }

  /**
   * Adds rows where the reader gets near to an end, and removes them elsewhere.
   *
   * @param {Room} room
   */
  #extend(room) {
    const { toStart, toEnd } = this.#window.distances;
    if (toStart < REACH) {
      const entries = entriesBefore(this.#window.first, undefined, STEP);
      if (entries.length > 0) this.#window.prepend(entries);
      else if (room.status.state === "open" && !room.loadFailure) room.loadOlder();
      if (!this.#isFollowing) this.#window.removeLast(this.#window.length - MAX_ROWS);
    }
    if (!this.#isFollowing && toEnd < REACH) {
      this.#window.append(entriesAfter(this.#window.last, STEP));
      this.#window.removeFirst(this.#window.length - MAX_ROWS);
    }
  }

  /** @param {Room} room */
  #renderOutgoing(room) {
    for (const [id, { outgoing, row }] of this.#outgoingRows) {
      if (room.outgoing.get(id) === outgoing) continue;
      row.remove();
      this.#outgoingRows.delete(id);
    }
    const last = room.timeline.last?.content;
    for (const outgoing of room.outgoing.values()) {
      const { id, text } = outgoing;
      if (this.#outgoingRows.has(id)) continue;
      const row = createOutgoingRow(outgoing, {
        author: { id: room.you ?? null, name: room.ownName ?? null },
        isGrouped: this.#outgoingRows.size > 0 || last?.kind === "message" && last.isOwn,
        onRetry: () => room.retry(id),
        onEdit: () => {
          room.discard(id);
          this.#onEdit(text);
        },
        onDiscard: () => room.discard(id),
      });
      this.#outgoingRows.set(id, { outgoing, row });
      this.#outgoing.append(row);
    }
  }

  /** @param {Room} room */
  #renderEdges({ timeline, status, unreadCount, loadFailure, name, outgoing }) {
    const isBeginning = !timeline.hasOlder && this.#window.first === timeline.first;
    const isEmpty = timeline.size === 0 && outgoing.size === 0;
    this.#start.classList.toggle("empty", isEmpty);
    let text = "";
    if (loadFailure !== undefined) text = `Older messages cannot be loaded: ${loadFailure}`;
    else if (isBeginning && isEmpty) {
      text = `There are no messages in ${name} yet.\nSay hello, or send this address to a friend.`;
    } else if (isBeginning) text = `This is where ${name} begins.`;
    else if (status.state === "open") text = "Loading…";
    const content = loadFailure === undefined ? [text] : [text, this.#retry];
    const shown = this.#start.firstChild?.textContent ?? "";
    if (shown !== text || this.#retry.isConnected !== content.includes(this.#retry)) {
      this.#start.replaceChildren(...content);
    }
    this.#jump.hidden = this.#isFollowing;
    const label = unreadCount > 0 ? `${formatCount(unreadCount)} new` : "Newest messages";
    if (this.#jump.textContent !== label) this.#jump.textContent = label;
  }
}
