import { COMPANIONS_REASON } from "./data_file_error.ts";

/** A data file that no other server can use while it is locked. */
export interface LockedFile {
  /** The path without symbolic links, so that every server finds the same lock. */
  readonly path: string;
  /** The open file `PATH.lock`. The lock ends with the process, however it ends. */
  readonly lock: Deno.FsFile;
}

/** How long to wait for a data file that another server uses. */
export interface WaitOptions {
  /** 0 does not wait. */
  readonly waitMs: number;
  /** Called once, if it has to wait. */
  readonly onWait: () => void;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** The pause between two attempts to lock a file. */
const RETRY_MS = 50;

/**
 * Locks a data file as {@linkcode lockDataFile} does. While another server uses the file, waits for
 * that server to end.
 *
 * @throws {Error} If the file cannot be used, or if the other server still uses it after the time.
 * @throws The reason of the signal, if that ends the wait.
 */
export async function awaitDataFile(
  path: string,
  { waitMs, onWait, signal }: WaitOptions,
): Promise<LockedFile> {
  const deadlineMs = performance.now() + waitMs;
  for (let isWaiting = false;; isWaiting = true) {
    try {
      return await lockDataFile(path);
    } catch (error) {
      if (!(error instanceof InUseError) || performance.now() >= deadlineMs) throw error;
    }
    if (!isWaiting) onWait();
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    signal?.throwIfAborted();
  }
}

/**
 * Locks a data file, which is created if it does not exist, and checks that it can be read and
 * written.
 *
 * The lock is on a file beside it, because SQLite has locks of its own on the data file: on Windows
 * and macOS the two would conflict. The lock file stays when the server ends, as deleting it could
 * let two servers lock two files of that name.
 *
 * @throws {Error} If the file cannot be used. It is left as it is.
 */
export async function lockDataFile(path: string): Promise<LockedFile> {
  const isMissing = await checkKind(path);
  if (isMissing) await create(path);
  const realPath = await Deno.realPath(path);
  const lock = await openBeside(() =>
    Deno.open(`${realPath}.lock`, { read: true, write: true, create: true })
  );
  try {
    if (!await lock.tryLock(true)) throw new InUseError();
    // Nothing else in this process has the file open, so closing it ends no lock of SQLite.
    using file = await Deno.open(realPath, { read: true, write: true });
    // Earlier versions of Chorus locked the data file itself.
    if (!await file.tryLock(true)) throw new InUseError();
    return { path: realPath, lock };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** Ends a lock. */
export async function unlockDataFile({ lock }: LockedFile): Promise<void> {
  // A child process that starts now inherits the open file for a moment, and the lock with it.
  await lock.unlock();
  lock.close();
}

/** Checks that a path leads to one regular file. Returns whether there is none yet. */
async function checkKind(path: string): Promise<boolean> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // Deno creates no file through a link, unless it has all permissions.
    if (!await isLink(path)) return true;
    throw new Error("it is a link to a file that does not exist; create that file, or its folder");
  }
  if (info.isDirectory) throw new Error("it is a folder; choose a file in it");
  if (!info.isFile) throw new Error("it is a pipe or a device; choose a regular file");
  // Each name would have a lock and a WAL of its own, and two servers would damage the file.
  if ((info.nlink ?? 1) > 1) {
    throw new Error("the file has several names (hard links); make a copy of it, and use the copy");
  }
  return false;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function create(path: string): Promise<void> {
  const file = await openBeside(() => Deno.open(path, { write: true, create: true }));
  file.close();
}

/** Opens a file, or creates it. If that is forbidden, its folder may be to blame. */
async function openBeside(open: () => Promise<Deno.FsFile>): Promise<Deno.FsFile> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.PermissionDenied)) throw cause;
    throw new Error(COMPANIONS_REASON, { cause });
  }
}

class InUseError extends Error {
  override readonly name = "InUseError";

  constructor() {
    super("another server uses it; stop that server, or choose another file");
  }
}
