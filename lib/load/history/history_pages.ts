import { errorMessage } from "../../cli/error_message.ts";
import { printable } from "../../cli/printable.ts";
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

/** The history of a server's rooms, over HTTP. */
export class HistoryPages {
  readonly #url: string;
  readonly #options: HttpGetOptions;

  /** @param url The URL of the server's WebSocket. The rooms are beside it. */
  constructor(url: string, options: HttpGetOptions) {
    this.#url = url.replace(/^ws/, "http");
    this.#options = options;
  }

  /**
   * Reads the positions after the newest message of each room, by name.
   *
   * @throws {HistoryError}
   */
  async heads(headers: Readonly<Record<string, string>>): Promise<ReadonlyMap<string, string>> {
    const heads = new Map<string, string>();
    for (let after = "", hasMore = true; hasMore;) {
      const { value, isLast } = await this.#get("rooms", { after, limit: LIMIT }, {
        headers,
        list: "rooms",
      });
      const { rooms } = value as { rooms: { name: string; position: string }[] };
      rooms.forEach(({ name, position }) => heads.set(name, position));
      after = rooms.at(-1)?.name ?? "";
      hasMore = !isLast && rooms.length > 0;
    }
    return heads;
  }

  /**
   * Reads a room's messages after a position, or all if it is undefined, the oldest page first.
   *
   * @throws {HistoryError}
   */
  async *pages(
    room: string,
    start: string | undefined,
    headers: Readonly<Record<string, string>>,
  ): AsyncGenerator<HistoryPage> {
    const path = `rooms/${encodeURIComponent(room)}/messages`;
    for (let after = start;;) {
      const query = { limit: LIMIT, ...after === undefined ? {} : { after } };
      const { value, isLast } = await this.#get(path, query, { headers, list: "messages" });
      const page = value as HistoryPage;
      yield page;
      if (isLast || page.position === after) return;
      after = page.position;
    }
  }

  async #get(
    path: string,
    query: Readonly<Record<string, string>>,
    { headers, list }: {
      readonly headers: Readonly<Record<string, string>>;
      /** The field that must be a list. */
      readonly list: string;
    },
  ): Promise<{ value: unknown; isLast: boolean }> {
    const url = new URL(path, this.#url);
    url.search = new URLSearchParams(query).toString();
    const asked = `${url.origin}${url.pathname}`;
    try {
      const { status, link, body } = await httpGet(url, { ...this.#options, headers });
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
