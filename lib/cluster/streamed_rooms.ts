import type { SharedRoom, StreamHead } from "../chat/backplane.ts";
import { compareUtf8, indexAfter } from "../chat/compare_utf8.ts";
import { HistoryUnavailableError } from "../chat/history/history.ts";
import { CallLimit } from "./call_limit.ts";
import { decodeFlush, firstSeqOf, lastSeqOf } from "./stream/flush.ts";
import type { PresenceExchange } from "./presence/presence_exchange.ts";
import { ROOM_SUBJECTS, roomOfSubject, roomSubject } from "./stream/room_subject.ts";
import { readStreamInfo, STREAM } from "./stream/stream_setup.ts";
import type { StreamClients } from "./stream/subject_reader.ts";

/** The names of the rooms are read again after this time. */
const NAMES_AGE_MS = 1000;

/** How many last flushes are read at a time, by all that list rooms: each may have 1 MiB. */
const MAX_HEAD_READS = 32;

/** Lists the rooms that are in the stream, or have members at other nodes. */
export class StreamedRooms {
  readonly #clients: StreamClients;
  readonly #presence: Pick<PresenceExchange, "rooms">;
  readonly #headReads = new CallLimit(MAX_HEAD_READS);
  /** The rooms in the stream, in the order of their UTF-8. */
  #names: readonly string[] = [];
  #namesUntilMs = -Infinity;
  /** The names while they are read. */
  #reading: Promise<readonly string[]> | undefined;

  constructor(clients: StreamClients, presence: Pick<PresenceExchange, "rooms">) {
    this.#clients = clients;
    this.#presence = presence;
  }

  /**
   * At most `limit` rooms whose names are after a name, in the order of their UTF-8.
   *
   * @throws {HistoryUnavailableError} If the stream cannot be read. The same goes for `heads`.
   */
  async list(after: string, limit: number): Promise<SharedRoom[]> {
    const reading = this.#access(() => this.#currentNames());
    const [names, present] = await Promise.all([reading, this.#presence.rooms(after, limit)]);
    const start = indexAfter(names, after);
    const rooms = new Map<string, SharedRoom>();
    for (const room of names.slice(start, start + limit)) rooms.set(room, { room, memberCount: 0 });
    for (const shared of present) rooms.set(shared.room, shared);
    return [...rooms.values()].sort((one, other) => compareUtf8(one.room, other.room))
      .slice(0, limit);
  }

  /** Where the messages of rooms end, in the same order. */
  heads(rooms: readonly string[]): Promise<StreamHead[]> {
    const failure = new AbortController();
    const read = (room: string) =>
      this.#headReads.run(async () => {
        failure.signal.throwIfAborted();
        try {
          return await this.#readHead(room);
        } catch (error) {
          failure.abort(error);
          throw error;
        }
      });
    return this.#access(() => Promise.all(rooms.map(read)));
  }

  #currentNames(): readonly string[] | Promise<readonly string[]> {
    if (performance.now() < this.#namesUntilMs) return this.#names;
    return this.#reading ??= this.#readNames().finally(() => this.#reading = undefined);
  }

  async #readNames(): Promise<readonly string[]> {
    const { link, manager } = this.#clients;
    const filter = { subjects_filter: ROOM_SUBJECTS };
    const { state } = await readStreamInfo(link, manager, filter);
    const names = Object.keys(state.subjects ?? {}).map(roomOfSubject);
    this.#names = names.filter((name) => name !== undefined).sort(compareUtf8);
    this.#namesUntilMs = performance.now() + NAMES_AGE_MS;
    return this.#names;
  }

  async #readHead(room: string): Promise<StreamHead> {
    const { link, manager } = this.#clients;
    const query = { last_by_subj: roomSubject(room) };
    const last = await link.call(() => manager.streams.getMessage(STREAM, query));
    if (!last) return { seq: 0, hasMessages: false };
    const flush = decodeFlush(last.data, { streamSeq: last.seq, atMs: last.time.getTime() });
    const seq = flush ? lastSeqOf(flush) : firstSeqOf(last.seq);
    return { seq, hasMessages: !flush?.isDeletion };
  }

  async #access<T>(read: () => T | Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new HistoryUnavailableError(`Cannot list the rooms in NATS: ${reason}`, { cause });
    }
  }
}
