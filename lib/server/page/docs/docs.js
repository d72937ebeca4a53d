/** The address in the manuals, in any of its forms. */
const EXAMPLE_URL = /\b(?:(http|ws):\/\/(?:127\.0\.0\.1|localhost)|localhost):8000\b/g;

const nav = /** @type {HTMLElement} */ (document.querySelector("nav"));
const contents = /** @type {HTMLDetailsElement} */ (nav.querySelector("details"));
const announcement = /** @type {HTMLElement} */ (document.querySelector("#announcement"));

showOwnAddress();
addCopyButtons();
openContents();
markCurrentSection();
for (const table of document.querySelectorAll(".table")) letKeyboardScroll(table);

/** Lets the examples name this very server, so that they run as they are. */
function showOwnAddress() {
  const base = new URL(".", location.href).href.replace(/\/$/, "");
  for (const code of document.querySelectorAll("code, .command")) {
    for (const node of code.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.nodeValue?.includes(":8000")) continue;
      node.nodeValue = node.nodeValue.replace(
        EXAMPLE_URL,
        (_url, scheme) =>
          scheme === "http" ? base : scheme ? base.replace(/^http/, "ws") : location.host,
      );
    }
  }
}

function addCopyButtons() {
  for (const block of document.querySelectorAll(".code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await copy(/** @type {HTMLElement} */ (block.querySelector("code")));
      button.focus();
      button.textContent = "Copied";
      announcement.textContent = "Copied";
      setTimeout(() => {
        button.textContent = "Copy";
        announcement.textContent = "";
      }, 2000);
    });
    block.append(button);
  }
}

/**
 * Copies the commands of a console, or else the whole text.
 *
 * @param {HTMLElement} code
 */
async function copy(code) {
  const commands = [...code.querySelectorAll(".command")].map(({ textContent }) => textContent);
  const text = commands.length > 0 ? commands.join("\n") : code.textContent ?? "";
  // Browsers have no clipboard for pages over http, except those of the same machine.
  if (navigator.clipboard) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  // Otherwise selecting it would scroll the page.
  area.style.position = "fixed";
  area.style.top = "0";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** Opens the contents where they are beside the text, and closes them once used elsewhere. */
function openContents() {
  const isWide = matchMedia("(min-width: 60rem)");
  contents.open = isWide.matches;
  isWide.addEventListener("change", () => contents.open = isWide.matches);
  contents.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("a")) contents.open = isWide.matches;
  });
}

/** Marks the section at the top of the window in the contents. */
function markCurrentSection() {
  const links = new Map([...contents.querySelectorAll("a")].map((link) => [link.hash, link]));
  const headings = [...document.querySelectorAll("main :is(h2, h3, h4)")];
  /** @type {Element | undefined} */
  let current;
  const mark = () => {
    const isAbove = (/** @type {Element} */ each) => each.getBoundingClientRect().top < 100;
    const heading = headings.findLast(isAbove) ?? headings[0];
    if (!heading || heading === current) return;
    current = heading;
    contents.querySelector("[aria-current]")?.removeAttribute("aria-current");
    const link = links.get(`#${heading.id}`);
    link?.setAttribute("aria-current", "location");
    if (link && getComputedStyle(nav).position === "sticky") showInNav(link);
  };
  let isWaiting = false;
  const markSoon = () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      mark();
    });
  };
  document.addEventListener("scroll", markSoon, { passive: true });
  mark();
}

/**
 * Scrolls only the contents: scrollIntoView() could scroll the page as well.
 *
 * @param {Element} link
 */
function showInNav(link) {
  const { top, bottom } = link.getBoundingClientRect();
  const box = nav.getBoundingClientRect();
  if (top < box.top || bottom > box.bottom) nav.scrollTop += top - box.top - box.height / 3;
}

/**
 * Makes an element focusable while it has more to show than fits.
 *
 * @param {Element} element
 */
function letKeyboardScroll(element) {
  new ResizeObserver(() => {
    if (element.scrollWidth > element.clientWidth) element.setAttribute("tabindex", "0");
    else element.removeAttribute("tabindex");
  }).observe(element);
}
