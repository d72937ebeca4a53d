import type { SharedRoom } from "../../chat/backplane.ts";
import { CallLimit } from "../call_limit.ts";
import { PeerRooms } from "./peer_rooms.ts";
import { MAX_TEXT_LENGTH, type RoomsPart, type RoomsRequest } from "./presence_message.ts";

/** How many lists a node requests at a time. */
const MAX_LISTS = 32;

/** How long to wait for the answers. */
const ANSWER_TIMEOUT_MS = 500;

/** Asks all nodes for their rooms. Returns the nodes to wait for. */
export type AskForRooms = (request: RoomsRequest) => Iterable<string>;

/**
 * Requests lists of rooms from the other nodes. After a node has not answered in time, requests do
 * not wait for it until it answers again.
 */
export class PeerLists {
  /** By the number of the request. */
  readonly #lists = new Map<number, PeerRooms>();
  readonly #limit = new CallLimit(MAX_LISTS);
  /** The nodes that have not answered in time. */
  readonly #late = new Set<string>();
  #requestCount = 0;

  /**
   * At most `limit` rooms with members at other nodes whose names are after a name, in the order of
   * their UTF-8. Resolves when all nodes have answered, or after 500 ms with the answers until
   * then.
   */
  list(after: string, limit: number, ask: AskForRooms): Promise<SharedRoom[]> {
    return this.#limit.run(async () => {
      const request = ++this.#requestCount;
      const list = new PeerRooms(after, limit);
      this.#lists.set(request, list);
      // No room has a longer name, so the rest makes no difference.
      const start = after.slice(0, MAX_TEXT_LENGTH);
      const nodes = new Set(ask({ type: "rooms", request, after: start, limit }));
      list.waitFor(nodes.difference(this.#late));
      const timer = setTimeout(() => {
        for (const node of list.unanswered) this.#late.add(node);
        list.stopWaiting();
      }, ANSWER_TIMEOUT_MS);
      await list.answered;
      clearTimeout(timer);
      this.#lists.delete(request);
      return list.first;
    });
  }

  /** Receives a part of an answer. */
  receive(part: RoomsPart): void {
    this.#late.delete(part.node);
    this.#lists.get(part.request)?.receive(part);
  }

  /** Stops waiting for a node, or for all nodes. */
  stopWaiting(name?: string): void {
    if (name !== undefined) this.#late.delete(name);
    for (const list of this.#lists.values()) list.stopWaiting(name);
  }
}
