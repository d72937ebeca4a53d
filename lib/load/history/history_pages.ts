import { errorMessage } from "../../cli/error_message.ts";
import { printable } from "../../cli/printable.ts";
import type { UserPlan } from "../users/user_plan.ts";
import { roomsUrl, roomUrl } from "../users/http/room_url.ts";
import { httpGet, type HttpGetOptions } from "./http_get.ts";

/** The history cannot be read. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** A message in a page of a room's history. */
export interface StoredMessage {
  readonly position: string;
  /** undefined if the message is binary. */
  readonly text?: string;
  /** When it was published, as an RFC 3339 timestamp. */
  readonly at: string;
}

/** A page of a room's history. */
export interface HistoryPage {
  /** The position after the page. */
  readonly position: string;
  /** Whether no message is missing between the position that was asked for and the page. */
  readonly recovered: boolean;
  readonly messages: readonly StoredMessage[];
}

/** How many rooms or messages are asked for at once. */
const LIMIT = "1000";

/** The user as whom the history is read: with the same headers and parameters. */
export type HistoryReader = Pick<UserPlan, "url" | "headers">;

/** The history of a server's rooms, over HTTP. */
export class HistoryPages {
  readonly #options: Pick<HttpGetOptions, "target" | "timeoutMs">;

  constructor(options: Pick<HttpGetOptions, "target" | "timeoutMs">) {
    this.#options = options;
  }

  /**
   * Reads the positions after the newest message of each room, by name.
   *
   * @throws {HistoryError} If it cannot, or the signal aborts.
   */
  async heads(user: HistoryReader, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const heads = new Map<string, string>();
    const { headers } = user;
    for (let after = "", hasMore = true; hasMore;) {
      const url = roomsUrl(user.url);
      url.searchParams.set("after", after);
      const { value, isLast } = await this.#get(url, { headers, signal, list: "rooms" });
      const { rooms } = value as { rooms: { name: string; position: string }[] };
      rooms.forEach(({ name, position }) => heads.set(name, position));
      after = rooms.at(-1)?.name ?? "";
      hasMore = !isLast && rooms.length > 0;
    }
    return heads;
  }

  /**
   * Reads the messages of a user's room, the oldest page first.
   *
   * @throws {HistoryError} If it cannot, or the signal aborts.
   */
  async *pages(
    { url: webSocketUrl, headers }: HistoryReader,
    { start, signal }: {
      /** Reads only what is after this position. */
      readonly start: string | undefined;
      readonly signal: AbortSignal;
    },
  ): AsyncGenerator<HistoryPage> {
    for (let after = start;;) {
      const url = roomUrl(webSocketUrl, "messages");
      if (after !== undefined) url.searchParams.set("after", after);
      const { value, isLast } = await this.#get(url, { headers, signal, list: "messages" });
      const page = value as HistoryPage;
      yield page;
      if (isLast || page.position === after) return;
      after = page.position;
    }
  }

  async #get(
    url: URL,
    { list, ...options }: Pick<HttpGetOptions, "headers" | "signal"> & {
      /** The field that must be a list. */
      readonly list: string;
    },
  ): Promise<{ value: unknown; isLast: boolean }> {
    url.searchParams.set("limit", LIMIT);
    const asked = `${url.origin}${url.pathname}`;
    try {
      const { status, link, body } = await httpGet(url, { ...this.#options, ...options });
      if (status !== 200) throw new Error(`HTTP ${status}`);
      const value = JSON.parse(body);
      if (!Array.isArray(value?.[list])) throw new Error(`the answer has no list of ${list}`);
      return { value, isLast: !link.includes('rel="next"') };
    } catch (cause) {
      const reason = printable(errorMessage(cause));
      throw new HistoryError(`Cannot read the history at ${asked}: ${reason}`, { cause });
    }
  }
}
