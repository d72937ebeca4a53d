import { compareUtf8 } from "../chat/compare_utf8.ts";
import type { RoomHead } from "../chat/history/history.ts";
import { decodeFlush, firstSeqOf, lastSeqOf } from "./flush.ts";
import { ROOM_SUBJECTS, roomOfSubject, roomSubject } from "./room_subject.ts";
import { STREAM } from "./stream_setup.ts";
import type { StreamClients } from "./subject_reader.ts";

/** The names of the rooms are read again after this time. */
const NAMES_AGE_MS = 1000;

/** Lists the rooms with messages in the stream. */
export class StreamedRooms {
  readonly #clients: StreamClients;
  #names: readonly string[] = [];
  #namesUntilMs = -Infinity;

  constructor(clients: StreamClients) {
    this.#clients = clients;
  }

  /** At most `limit` rooms whose names are after a name, in the order of their UTF-8. */
  async list(epoch: string, after: string, limit: number): Promise<RoomHead[]> {
    const names = await this.#readNames();
    const heads: RoomHead[] = [];
    // One after the other: each answer has all messages of a flush.
    for (const room of names.filter((name) => compareUtf8(name, after) > 0)) {
      if (heads.length === limit) break;
      const seq = await this.#readHeadSeq(room);
      if (seq !== undefined) heads.push({ room, seq, epoch });
    }
    return heads;
  }

  async #readNames(): Promise<readonly string[]> {
    if (performance.now() < this.#namesUntilMs) return this.#names;
    const { link, manager } = this.#clients;
    const filter = { subjects_filter: ROOM_SUBJECTS };
    const { state } = await link.call(() => manager.streams.info(STREAM, filter));
    const names = Object.keys(state.subjects ?? {}).map(roomOfSubject);
    this.#names = names.filter((name) => name !== undefined).sort(compareUtf8);
    this.#namesUntilMs = performance.now() + NAMES_AGE_MS;
    return this.#names;
  }

  /** Returns undefined if the room has no messages: they are gone, or were deleted. */
  async #readHeadSeq(room: string): Promise<number | undefined> {
    const { link, manager } = this.#clients;
    const query = { last_by_subj: roomSubject(room) };
    const last = await link.call(() => manager.streams.getMessage(STREAM, query));
    if (!last) return undefined;
    const flush = decodeFlush(last.data, { streamSeq: last.seq, atMs: last.time.getTime() });
    if (flush?.isDeletion) return undefined;
    return flush ? lastSeqOf(flush) : firstSeqOf(last.seq);
  }
}
