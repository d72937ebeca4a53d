import { byId, element } from "./element.js";
import { formatUnread } from "./format.js";

/** @typedef {import("./room.js").Room} Room */

/** The list of the rooms that the user is in, and the field to join another one. */
export class RoomsView {
  #list = byId("room-list", HTMLElement);
  #form = byId("join", HTMLFormElement);
  #field = byId("join-name", HTMLInputElement);
  #known = byId("known-rooms", HTMLDataListElement);
  /** @type {Map<string, { item: HTMLElement, link: HTMLElement, badge: HTMLElement }>} */
  #items = new Map();
  #options;

  /**
   * @param {object} options
   * @param {(name: string) => string} options.hrefOf
   * @param {(name: string) => string | undefined} options.onOpen Returns why it cannot be opened.
   * @param {(name: string) => void} options.onLeave
   * @param {() => Promise<string[]>} options.listRooms The names of rooms to offer.
   */
  constructor(options) {
    this.#options = options;
    // What is wrong is decided anew each time.
    this.#form.noValidate = true;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#field.setCustomValidity("");
      const name = this.#field.value.trim().normalize();
      if (name === "") return;
      const fault = roomNameFault(name) ?? options.onOpen(name);
      if (fault === undefined) this.#field.value = "";
      else this.refuse(name, fault);
    });
    this.#field.addEventListener("input", () => this.#field.setCustomValidity(""));
    this.#field.addEventListener("focus", async () => {
      const names = await options.listRooms();
      const others = names.filter((name) => !this.#items.has(name));
      this.#known.replaceChildren(...others.map((value) => element("option", { value })));
    });
  }

  /**
   * Says that a room cannot be joined.
   *
   * @param {string} name
   * @param {string} reason In words.
   */
  refuse(name, reason) {
    if (!this.#field.checkVisibility()) byId("rooms", HTMLElement).showPopover();
    this.#field.value = name;
    this.#field.setCustomValidity(reason);
    this.#field.reportValidity();
  }

  /**
   * @param {Iterable<Room>} rooms
   * @param {Room} current
   */
  render(rooms, current) {
    const left = new Set(this.#items.keys());
    for (const room of rooms) {
      left.delete(room.name);
      const { item, link, badge } = this.#items.get(room.name) ?? this.#add(room.name);
      const isCurrent = room === current;
      item.classList.toggle("current", isCurrent);
      if (isCurrent) link.ariaCurrent = "page";
      else link.removeAttribute("aria-current");
      item.classList.toggle("unread", room.unreadCount > 0);
      const count = formatUnread([room]);
      if (badge.textContent === count) continue;
      badge.textContent = count;
      link.ariaLabel = count === "" ? room.name : `${room.name}, ${count} unread`;
    }
    for (const name of left) {
      this.#items.get(name)?.item.remove();
      this.#items.delete(name);
    }
  }

  /** @param {string} name */
  #add(name) {
    const { hrefOf, onOpen, onLeave } = this.#options;
    const badge = element("span", { className: "badge" });
    const link = element(
      "a",
      { href: hrefOf(name), ariaLabel: name },
      element("bdi", { textContent: name }),
      badge,
    );
    link.addEventListener("click", (event) => {
      // The browser opens it in a new tab or window.
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      onOpen(name);
    });
    const leave = element("button", {
      type: "button",
      className: "leave",
      ariaLabel: `Leave ${name}`,
      title: `Leave ${name}`,
      textContent: "×",
      onclick: () => onLeave(name),
    });
    const item = element("li", {}, link, leave);
    this.#list.append(item);
    const created = { item, link, badge };
    this.#items.set(name, created);
    return created;
  }
}

/**
 * Says what is wrong with the name of a room; undefined if nothing is. The server knows more rules,
 * about invisible characters.
 *
 * @param {string} name
 */
export function roomNameFault(name) {
  if (/[\p{Z}\p{Cc}]/u.test(name)) return "The name of a room has no spaces";
  if ([...name].length > 128) return "The name of a room has at most 128 characters";
  if (/^\.{1,2}$/.test(name)) return "A room needs a name that is more than dots";
  return undefined;
}
