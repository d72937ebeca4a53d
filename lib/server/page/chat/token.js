import { byId } from "./element.js";

const KEY = "chorus.page.token";

/**
 * Returns the token of this tab. One in the fragment of the address (`#token=…`), which no server
 * sees, replaces it, and leaves the address.
 *
 * @returns {string | undefined}
 */
export function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    history.replaceState(history.state, "", location.pathname + location.search);
    storeToken(given);
    return given;
  }
  try {
    return sessionStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores the token until the tab is closed. @param {string} token */
function storeToken(token) {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // Without storage, the user enters it again after a reload.
  }
}

/** Asks for a token. */
export class TokenDialog {
  #dialog = byId("token-dialog", HTMLDialogElement);
  #field = byId("token", HTMLInputElement);
  #reason = byId("token-reason", HTMLElement);

  /** @param {{ onToken: (token: string) => void }} options */
  constructor({ onToken }) {
    byId("token-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      const token = this.#field.value.trim();
      if (token === "") return;
      this.#field.value = "";
      this.#dialog.close();
      storeToken(token);
      onToken(token);
    });
    byId("token-cancel", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
  }

  /** Opens the dialog. @param {string} reason Why a token is needed, in words. */
  open(reason) {
    this.#reason.textContent = reason;
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  close() {
    this.#dialog.close();
  }
}
