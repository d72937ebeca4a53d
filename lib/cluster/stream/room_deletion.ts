import type { Logger } from "@logtape/logtape";
import { OPCODE } from "../../websocket/frame.ts";
import type { FlushPart } from "./flush.ts";
import type { FlushSource } from "./flush_reader.ts";
import { STREAM } from "./stream_setup.ts";

/**
 * Returns a note that all messages before it were deleted.
 *
 * @param deletion Settled with its sequence number, or why it is not stored.
 */
export function deletionNote(deletion: PromiseWithResolvers<number>): FlushPart {
  const author = { id: null, name: null };
  return { opcode: OPCODE.binary, bytes: new Uint8Array(0), author, deletion };
}

/** Removes the publishes of the room that are before a sequence number of the stream. */
export async function purgeBefore(
  { clients: { link, manager }, subject }: FlushSource,
  streamSeq: number,
): Promise<void> {
  const query = { seq: 1, next_by_subj: subject };
  const oldest = await link.call(() => manager.streams.getMessage(STREAM, query));
  if (!oldest || oldest.seq >= streamSeq) return;
  await link.call(() => manager.streams.purge(STREAM, { filter: subject, seq: streamSeq }));
}

/** Purges what the process that deleted the messages could not purge. Logs if that fails. */
export async function finishDeletion(
  source: FlushSource,
  streamSeq: number,
  logger: Logger,
): Promise<void> {
  try {
    await purgeBefore(source, streamSeq);
  } catch (error) {
    const { subject } = source;
    logger.warn("Cannot finish a deletion in NATS on {subject}: {error}", { subject, error });
  }
}
