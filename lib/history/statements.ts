import type { DatabaseSync, StatementSync } from "node:sqlite";

/** The prepared statements of a table of SQL texts, under the same names. */
export type Statements<T> = Readonly<Record<keyof T, StatementSync>>;

/**
 * Prepares all statements of a table.
 *
 * @throws {Error} If the database does not accept one of them.
 */
export function prepareAll<T extends Readonly<Record<string, string>>>(
  database: DatabaseSync,
  sql: T,
): Statements<T> {
  return Object.fromEntries(
    Object.entries(sql).map(([name, text]) => [name, database.prepare(text)]),
  ) as Statements<T>;
}
