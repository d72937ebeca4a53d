import { tokenize } from "./linkify.js";
import { element } from "./element.js";

const PROTOCOLS = ["http:", "https:", "mailto:"];

/** Longer texts have no links, to keep them fast. */
const MAX_LENGTH = 10_000;

/** A text without any of these has no link. */
const HINT = /:\/\/|www\.|@/i;

/**
 * Makes the links in a text clickable. Only addresses that are clearly meant as such become links:
 * those with `http://` or `https://`, `www.`, and mail addresses, but not `server.ts`.
 *
 * @param {string} text
 * @returns {(string | HTMLAnchorElement)[]}
 */
export function textWithLinks(text) {
  if (text.length > MAX_LENGTH || !HINT.test(text)) return [text];
  /** @type {(string | HTMLAnchorElement)[]} */
  const parts = [];
  for (const token of tokenize(text)) {
    const shown = token.toString();
    const href = token.isLink && (token.t === "email" || /^(https?:\/\/|www\.)/i.test(shown))
      ? safeHref(token.toHref("https"))
      : undefined;
    if (href === undefined) {
      parts.push(shown);
      continue;
    }
    parts.push(element("a", {
      href,
      textContent: shown,
      target: "_blank",
      rel: "noopener noreferrer nofollow",
    }));
  }
  return parts;
}

/** @param {string} href */
function safeHref(href) {
  const url = URL.parse(href);
  return url && PROTOCOLS.includes(url.protocol) ? url.href : undefined;
}
