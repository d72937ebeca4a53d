import type { RoomOpening } from "../../chat/backplane.ts";
import { firstSeqOf, type Flush, lastSeqOf } from "./flush.ts";
import { appendFlush, FlushReader, type FlushSource } from "./flush_reader.ts";
import { RecentFlushes } from "./recent_flushes.ts";
import { STREAM } from "./stream_setup.ts";

/** How far to look back for a flush if the newest publish is not one, in the whole stream. */
const LOOK_BACK = 10_000;

/** The newest flushes of a room, in order; none if it has no messages. */
export interface RoomTail {
  readonly flushes: readonly Flush[];
  readonly recent: RecentFlushes;
}

/** Reads the newest flushes of a room. */
export async function readTail(source: FlushSource): Promise<RoomTail> {
  const { link, manager } = source.clients;
  const query = { last_by_subj: source.subject };
  const last = await link.call(() => manager.streams.getMessage(STREAM, query));
  if (!last) return { flushes: [], recent: new RecentFlushes(0) };
  const head = source.decode(last.data, { streamSeq: last.seq, atMs: last.time.getTime() });
  if (head && (head.tail === 0 || head.tail >= head.streamSeq)) {
    const recent = new RecentFlushes(firstSeqOf(last.seq) - 1);
    await appendFlush(recent, head, source);
    return { flushes: [head], recent };
  }
  const startSeq = head ? head.tail : Math.max(1, last.seq - LOOK_BACK);
  const reader = new FlushReader(source, startSeq);
  const flushes: Flush[] = [];
  for (;;) {
    const flush = await reader.peek();
    // The server of the reader may have less for a moment than the one that knows the last.
    if (!flush && head) throw new Error("NATS has not sent all messages");
    if (flush) flushes.push(flush);
    reader.take();
    // What was read is in `recent`, so one that came meanwhile belongs to the tail as well.
    if (!flush || flush.streamSeq >= last.seq) return { flushes, recent: reader.recent };
  }
}

/** What a room starts with, and the sequence number of the deletion in the tail; 0 if none is. */
export function openingOf({ flushes }: RoomTail): RoomOpening & { readonly clearedSeq: number } {
  const last = flushes.at(-1);
  const deletion = flushes.findLastIndex(({ isDeletion }) => isDeletion);
  return {
    headSeq: last ? lastSeqOf(last) : 0,
    tail: flushes.slice(deletion + 1).flatMap(({ messages }) => messages),
    hasOlder: flushes.length > 0 && flushes[0]!.after > 0,
    clearedSeq: deletion < 0 ? 0 : lastSeqOf(flushes[deletion]!),
  };
}
