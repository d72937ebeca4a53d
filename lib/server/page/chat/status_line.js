import { byId } from "./element.js";

/** @typedef {import("./room.js").Room} Room */

const HOLDING = "Messages are held: the server cannot store them now";

/** One quiet line about the connection. It says nothing while all is well but "Connected". */
export class StatusLine {
  #text = byId("status", HTMLElement);
  #countdown = byId("countdown", HTMLElement);
  #retry = byId("retry", HTMLButtonElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #hasBeenOpen = false;

  /** @param {{ onRetry: () => void }} options */
  constructor({ onRetry }) {
    this.#retry.addEventListener("click", onRetry);
  }

  /** @param {Room} room */
  render({ status, isHolding, trouble: lastTrouble }) {
    if (status.state === "open") this.#hasBeenOpen = true;
    const trouble = isHolding ? HOLDING : lastTrouble;
    this.#text.dataset.state = trouble ? "trouble" : status.state;
    const text = this.#describe(status, trouble);
    // A screen reader announces each change.
    if (this.#text.textContent !== text) this.#text.textContent = text;
    const isWaiting = status.state === "waiting";
    this.#retry.hidden = !isWaiting;
    this.#countdown.hidden = !isWaiting;
    clearTimeout(this.#timer);
    if (isWaiting) this.#count(status.retryAtMs ?? Date.now());
  }

  /**
   * @param {import("../chorus.js").ChatStatus} status
   * @param {string | undefined} trouble
   */
  #describe({ state, reason }, trouble) {
    switch (state) {
      case "open":
        return trouble ?? "Connected";
      case "connecting":
        return this.#hasBeenOpen ? "Reconnecting…" : "Connecting…";
      case "waiting":
        return navigator.onLine
          ? `Reconnecting: ${reason ?? "the connection was lost"}`
          : "Offline: messages are sent later";
      case "closed":
        return "Disconnected";
    }
  }

  /** @param {number} retryAtMs */
  #count(retryAtMs) {
    const seconds = Math.max(0, Math.ceil((retryAtMs - Date.now()) / 1000));
    this.#countdown.textContent = seconds > 0 ? `again in ${seconds} s` : "";
    if (seconds > 0) this.#timer = setTimeout(() => this.#count(retryAtMs), 1000);
  }
}
