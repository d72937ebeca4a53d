import { byId } from "./element.js";

/** Tells a user who looks elsewhere what is unread: in the title and the icon of the page. */
export class Attention {
  #icon = byId("icon", HTMLLinkElement);
  #badge = "";

  /**
   * @param {string} roomName
   * @param {string} unread How many messages are unread in all rooms; empty if none are.
   */
  render(roomName, unread) {
    const title = `${unread && `(${unread}) `}${roomName} · Chorus`;
    if (document.title !== title) document.title = title;
    const badge = /^\d{3}|,/.test(unread) ? "99+" : unread;
    if (badge === this.#badge) return;
    this.#badge = badge;
    this.#icon.href = iconWith(badge);
  }
}

/** Draws the icon of Chorus, with a badge if there is one. @param {string} badge */
export function iconWith(badge) {
  const mark = badge === "" ? "" : `<circle cx="21" cy="21" r="11" fill="#c8321f"/>` +
    `<text x="21" y="26" font-size="${badge.length > 2 ? 11 : 14}" font-weight="700" fill="#fff" ` +
    `font-family="sans-serif" text-anchor="middle">${badge}</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
    `<rect width="32" height="32" rx="9" fill="#2a5fb8"/>` +
    `<path d="M8 12h12M8 16.5h16M8 21h9" stroke="#fff" stroke-width="2.6" ` +
    `stroke-linecap="round"/>${mark}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
