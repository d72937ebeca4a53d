import { DatabaseSync } from "node:sqlite";

/** A path for a data file, in a folder that is removed after the test. */
export async function tempFile(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await Deno.makeTempDir();
  return {
    path: `${folder}/chat.db`,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Locks a data file, so that the server cannot write to it. Returns what unlocks it. */
export function lockFile(path: string): () => void {
  const database = new DatabaseSync(path);
  // The server may be writing at the moment.
  database.exec("PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE");
  return () => {
    database.exec("ROLLBACK");
    database.close();
  };
}
