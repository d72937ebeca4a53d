import { readStored, storedKeys, takeStored, writeStored } from "./stored.js";

/**
 * @typedef {object} Outgoing A message of the user that is not in the room yet.
 * @property {string} id
 * @property {string} text
 * @property {{ code: string, message: string } | undefined} failure Why it was not sent.
 */

/**
 * The stored messages of a room that failed, for the next visit. All tabs share them, so each
 * message has a key of its own, and a tab that sends one again must take it first.
 */
export class FailedMessages {
  #prefix;

  /** @param {string} room */
  constructor(room) {
    // No name of a room has a space.
    this.#prefix = `failed ${room} `;
  }

  /** Reads all, the oldest first. @returns {Outgoing[]} */
  read() {
    return storedKeys(this.#prefix)
      .map((key) => /** @type {any} */ (readStored(key)))
      .filter((each) =>
        typeof each?.id === "string" && typeof each.text === "string" &&
        typeof each.failure?.message === "string"
      )
      .sort((one, other) => one.failedAtMs - other.failedAtMs);
  }

  /** @param {Outgoing} message */
  add(message) {
    writeStored(this.#prefix + message.id, { ...message, failedAtMs: Date.now() });
  }

  /** Removes a message. @param {string} id @returns {boolean} False if another tab has done so. */
  take(id) {
    return takeStored(this.#prefix + id) !== undefined;
  }
}
