/**
 * Notices that a file was deleted or replaced while it is open. The system lets a program write to
 * a deleted file, and all that it writes is gone when it closes the file.
 */
export class FileWatch {
  readonly #path: string;
  readonly #inode: number | null | undefined;

  /** Watches the file that a path leads to now; nothing if there is none. */
  constructor(path: string) {
    this.#path = path;
    this.#inode = inodeOf(path);
  }

  /**
   * Checks that the path still leads to the same file.
   *
   * @param mayBeDeleted Whether a deleted file is accepted.
   * @throws {Error} If it does not.
   */
  check({ mayBeDeleted = false } = {}): void {
    const inode = inodeOf(this.#path);
    if (inode === this.#inode || (mayBeDeleted && inode === undefined)) return;
    const change = inode === undefined ? "deleted" : "replaced";
    throw new Error(`${this.#path} was ${change} while the server uses it; restart the server`);
  }
}

/** The number that identifies a file; null if the system has none, undefined without a file. */
function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
