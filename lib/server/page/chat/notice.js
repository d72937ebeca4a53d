import { byId } from "./element.js";

/** What to do after a close code that ends the chat: see PROTOCOL.md. */
const ADVICE = new Map([
  [4500, "An administrator has closed your connection."],
  [4503, "Your token does not allow you to be in this room."],
  [4504, "An administrator has deleted this room. If you join again, it is created anew."],
]);

/** Says that the chat has ended for good, why, and what to do. */
export class Notice {
  #notice = byId("notice", HTMLElement);
  #text = byId("notice-text", HTMLElement);
  #button = byId("notice-button", HTMLButtonElement);

  /** @param {{ onJoin: () => void, onToken: () => void }} options */
  constructor({ onJoin, onToken }) {
    this.#button.addEventListener("click", () => {
      if (this.#button.dataset.action === "token") onToken();
      else onJoin();
    });
  }

  /** @param {import("./room.js").Room} room */
  render({ status }) {
    const isClosed = status.state === "closed";
    this.#notice.hidden = !isClosed;
    if (!isClosed) return;
    const { code = 0, reason = "", needsToken } = status;
    this.#text.textContent = ADVICE.get(code) ?? `This room cannot be joined: ${reason}`;
    this.#button.dataset.action = needsToken ? "token" : "join";
    this.#button.textContent = needsToken ? "Enter a token" : "Join again";
  }
}
