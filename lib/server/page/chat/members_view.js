import { byId, element } from "./element.js";
import { displayName, formatCount, hueOf, initialOf } from "./format.js";

/** @typedef {import("./room.js").Room} Room */

/** The members of a room: the user, then those with a name, then guests. */
export class MembersView {
  #list = byId("here", HTMLElement);
  #count = byId("here-count", HTMLElement);
  #more = byId("here-more", HTMLElement);
  #button = byId("here-button", HTMLElement);
  /** What is shown. @type {unknown} */
  #shown;

  /** @param {Room} room */
  render(room) {
    const { members, memberCount, you } = room;
    if (members === this.#shown) return;
    this.#shown = members;
    const named = members.toSorted((one, other) =>
      Number(other.id === you) - Number(one.id === you) ||
      Number(one.name === null) - Number(other.name === null) ||
      displayName(one).localeCompare(displayName(other))
    );
    this.#list.replaceChildren(...named.map((member) => memberElement(member, member.id === you)));
    this.#count.textContent = formatCount(memberCount);
    this.#button.textContent = formatCount(memberCount);
    this.#button.ariaLabel = `Who is here: ${memberCount}`;
    const moreCount = memberCount - members.length;
    this.#more.textContent = moreCount > 0 ? `and ${formatCount(moreCount)} more` : "";
  }
}

/**
 * @param {{ id: string, name: string | null }} member
 * @param {boolean} isYou
 */
function memberElement(member, isYou) {
  const name = displayName(member);
  const initial = element("span", { className: "initial", ariaHidden: "true" });
  initial.textContent = initialOf(name);
  const item = element(
    "li",
    { className: "member" },
    initial,
    element("bdi", { className: "author", textContent: name }),
    ...(isYou ? [element("span", { className: "you", textContent: "you" })] : []),
  );
  item.style.setProperty("--hue", String(hueOf(member.id)));
  return item;
}
