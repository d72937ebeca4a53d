import { textBytes } from "../chorus.js";
import { byId } from "./element.js";
import { formatCount } from "./format.js";
import { readStoredText, writeStored } from "./stored.js";

/** From this part of the limit on, the counter is shown. */
const COUNTED_FROM = 0.8;

const DRAFT_DELAY_MS = 300;

/** @typedef {import("./room.js").Room} Room */

/** The field where the user writes. Each room has a draft of its own, also after a reload. */
export class Composer {
  #form = byId("composer", HTMLFormElement);
  #text = byId("text", HTMLTextAreaElement);
  #hint = byId("hint", HTMLElement);
  /** @type {Room | undefined} */
  #room;
  #byteCount = 0;
  #isRefused = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #draftTimer;
  #onSend;

  /** @param {{ onSend: () => void }} options `onSend` is called when a message goes out. */
  constructor({ onSend }) {
    this.#onSend = onSend;
    this.#text.addEventListener("input", () => {
      this.#isRefused = false;
      this.#changed();
      clearTimeout(this.#draftTimer);
      this.#draftTimer = setTimeout(() => this.storeDraft(), DRAFT_DELAY_MS);
    });
    this.#text.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter chooses a word. Safari says so only with 229.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) {
        return;
      }
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Writes in another room. @param {Room} room */
  show(room) {
    this.storeDraft();
    this.#room = room;
    this.#isRefused = false;
    this.#text.placeholder = `Message ${room.name}`;
    this.#setText(readStoredText(`draft.${room.name}`) ?? "");
  }

  /** Puts a text in the field, after what is there. @param {string} text */
  edit(text) {
    const { value } = this.#text;
    this.#setText(value === "" ? text : `${value}\n${text}`);
    this.storeDraft();
    this.focus();
  }

  focus() {
    this.#text.focus();
  }

  /** Stores the text for the next visit. */
  storeDraft() {
    clearTimeout(this.#draftTimer);
    if (this.#room) writeStored(`draft.${this.#room.name}`, this.#text.value || undefined);
  }

  /** Brings the hint up to date, as the limit of the server is known only later. */
  render() {
    const max = this.#room?.maxMessageBytes;
    const isOver = max !== undefined && this.#byteCount > max;
    let hint = "";
    if (isOver && this.#isRefused) {
      hint = `This message is too long: it has ${formatCount(this.#byteCount)} bytes, and this ` +
        `server takes ${formatCount(max)}. Shorten it, or send it in parts.`;
    } else if (max !== undefined && this.#byteCount > COUNTED_FROM * max) {
      hint = `${formatCount(this.#byteCount)} of ${formatCount(max)} bytes`;
    }
    if (this.#hint.textContent !== hint) this.#hint.textContent = hint;
    this.#form.classList.toggle("over", isOver);
  }

  #send() {
    const room = this.#room;
    const { value } = this.#text;
    if (!room || value.trim() === "") return;
    const max = room.maxMessageBytes;
    if (max !== undefined && this.#byteCount > max) {
      this.#isRefused = true;
      this.render();
      return;
    }
    room.send(value);
    this.#setText("");
    this.storeDraft();
    this.#onSend();
  }

  /** @param {string} text */
  #setText(text) {
    this.#text.value = text;
    this.#changed();
  }

  #changed() {
    this.#byteCount = textBytes(this.#text.value);
    if (!CSS.supports("field-sizing", "content")) {
      this.#text.style.height = "auto";
      this.#text.style.height = `${this.#text.scrollHeight}px`;
    }
    this.render();
  }
}
