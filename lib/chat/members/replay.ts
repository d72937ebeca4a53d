import type { GapReason } from "../chorus_v1.ts";
import { HistoryUnavailableError } from "../history/history.ts";
import type { HistoryPage, RoomHistory } from "../history/room_history.ts";
import type { MessageLog } from "../log/message_log.ts";
import type { Message } from "../message.ts";

/** The maximum number of messages of one page, and roughly of characters. */
const PAGE = { messages: 500, length: 256 * 1024 };

/** The pause after a failed read. */
const READ_RETRY_MS = 500;

/** A replay ends when reads have failed for this many attempts in a row: about ten seconds. */
const MAX_READ_ATTEMPTS = 20;

/** What a {@linkcode replay} needs. */
export interface ReplayOptions {
  readonly history: Pick<RoomHistory, "readPage">;
  /** The log that the replay leads to. */
  readonly log: MessageLog;
  /** Sends a page. Resolves when the member can take the next, or has left. */
  readonly deliver: (messages: readonly Message[]) => Promise<void>;
  /** Called when the messages up to a sequence number cannot be replayed. */
  readonly onMissed: (upTo: number, reason: GapReason) => void;
  /** Called when the replay has fallen behind the history. Returns whether the member stays. */
  readonly handleSlowReader: () => boolean;
  /** Called when a read has failed and will be tried again; once until a read succeeds. */
  readonly onReadFailed: (error: HistoryUnavailableError) => void;
  readonly wait: (ms: number) => Promise<void>;
  /** Whether the member is still in the room. */
  readonly isActive: () => boolean;
}

/**
 * Serves one member the messages that its log no longer has, page by page, and calls `goLive` as
 * soon as the log has everything after the last page. Messages published meanwhile are in the log,
 * so the member gets every message once.
 *
 * A failed read is tried again, as the next may succeed: it never becomes a gap.
 *
 * @throws {HistoryUnavailableError} If reads keep failing for about ten seconds.
 */
export async function replay(
  after: number,
  options: ReplayOptions,
  goLive: (after: number) => void,
): Promise<void> {
  const { history, log, deliver, onMissed, handleSlowReader, isActive } = options;
  let failedCount = 0;
  while (after < log.seqBefore) {
    let page: HistoryPage;
    try {
      const range = { after, upTo: log.seqBefore };
      page = await history.readPage(range, PAGE.messages, PAGE.length);
      failedCount = 0;
    } catch (error) {
      if (!(error instanceof HistoryUnavailableError)) throw error;
      if (++failedCount === MAX_READ_ATTEMPTS) throw error;
      if (failedCount === 1) options.onReadFailed(error);
      await options.wait(READ_RETRY_MS);
      if (!isActive()) return;
      continue;
    }
    if (!isActive()) return;
    const { messages, missed, lastSeq } = page;
    if (missed?.reason === "too slow" && !handleSlowReader()) return;
    if (missed) onMissed(missed.upTo, missed.reason);
    after = lastSeq;
    if (messages.length > 0) await deliver(messages);
    if (!isActive()) return;
  }
  if (isActive()) goLive(after);
}
