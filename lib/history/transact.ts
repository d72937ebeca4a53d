import type { DatabaseSync } from "node:sqlite";

/** How long a write waits while another program has the file locked. */
export const BUSY_TIMEOUT_MS = 1000;

/** Calls a function in a transaction. If it throws, nothing in the database changes. */
export function transact<T>(database: DatabaseSync, act: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = act();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk may have ended the transaction already.
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}
