import type { FlushSource } from "./flush_reader.ts";
import { readStreamInfo, STREAM } from "./stream_setup.ts";

/**
 * Whether a publish of the room is stored at a sequence number of the stream. Of a room, only the
 * oldest publishes are ever removed: so if this one is stored, so are all after it.
 */
export async function isStored(
  { clients: { link, manager }, subject }: FlushSource,
  streamSeq: number,
): Promise<boolean> {
  if (streamSeq < 1) return false;
  const stored = await link.call(() => manager.streams.getMessage(STREAM, { seq: streamSeq }));
  return stored?.subject === subject;
}

/** Whether nothing was removed from the stream after a sequence number, in any room. */
export async function isComplete(
  { clients: { link, manager } }: FlushSource,
  after: number,
): Promise<boolean> {
  const { state } = await readStreamInfo(link, manager);
  return state.first_seq <= after + 1 && (state.num_deleted ?? 0) === 0;
}
