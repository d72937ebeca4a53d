import { byId } from "./element.js";

/**
 * Writes the command that publishes in a room from a terminal.
 *
 * @param {{ pageUrl: string, roomName: string, hasToken: boolean }} options
 */
export function curlCommand({ pageUrl, roomName, hasToken }) {
  // This is the only character of a POSIX shell's quotes that encodeURIComponent() leaves.
  const segment = encodeURIComponent(roomName).replaceAll("'", "%27");
  const url = new URL(`rooms/${segment}/messages`, pageUrl);
  return [
    "curl -H 'Content-Type: text/plain'",
    ...(hasToken ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    `-d 'Hello from curl' '${url}'`,
  ].join(" \\\n  ");
}

/** Shows and copies the command for a room. */
export class CurlPopover {
  #command = byId("curl-command", HTMLElement);
  #copy = byId("curl-copy", HTMLButtonElement);

  constructor() {
    this.#copy.addEventListener("click", async () => {
      // Browsers have a clipboard for pages only over HTTPS and on this machine.
      await navigator.clipboard?.writeText(this.#command.textContent ?? "");
      this.#copy.textContent = "Copied";
    });
    this.#copy.hidden = !navigator.clipboard;
  }

  /**
   * @param {string} roomName
   * @param {boolean} hasToken
   */
  render(roomName, hasToken) {
    const command = curlCommand({ pageUrl: document.baseURI, roomName, hasToken });
    if (this.#command.textContent === command) return;
    this.#command.textContent = command;
    this.#copy.textContent = "Copy";
  }
}
