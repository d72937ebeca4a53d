import { byId } from "./element.js";
import { readStoredText, writeStored } from "./stored.js";

/** The field with the user's name. Without one, the user is a guest. */
export class NameField {
  #field = byId("name", HTMLInputElement);
  #name = readStoredText("name");

  /** @param {{ onChange: () => void }} options */
  constructor({ onChange }) {
    this.#field.value = this.#name ?? "";
    this.#field.addEventListener("change", () => {
      const name = this.#field.value.trim() || undefined;
      this.#field.value = name ?? "";
      if (name === this.#name) return;
      this.#name = name;
      writeStored("name", name);
      onChange();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) this.#field.blur();
    });
  }

  /** The name that the user has chosen; undefined for a guest. */
  get name() {
    return this.#name;
  }

  /**
   * Shows the name that the server has given the user, if it is that of a token.
   *
   * @param {import("./room.js").Room} room
   * @param {boolean} hasToken
   */
  render({ ownName }, hasToken) {
    const isGiven = hasToken && ownName !== undefined && ownName !== this.#name;
    if (isGiven) this.#field.value = ownName;
    else if (this.#field.disabled) this.#field.value = this.#name ?? "";
    this.#field.disabled = isGiven;
    this.#field.title = isGiven ? "Your token gives you this name" : "";
  }
}
