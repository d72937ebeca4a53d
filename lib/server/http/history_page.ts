import { encodeSaid } from "../../chat/chorus_v1.ts";
import { parsePosition } from "../../chat/history/position.ts";
import type { RoomHistory } from "../../chat/history/room_history.ts";
import type { Message } from "../../chat/message.ts";
import { parseLimit } from "./api_params.ts";
import { JSON_HEADERS, pageLink } from "./api_response.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** A response ends after the message that makes it longer than this many characters. */
const MAX_RESPONSE_LENGTH = 1024 * 1024;

/** Asks for the messages after a position, or for the oldest ones. */
interface AfterQuery {
  readonly limit: number;
  readonly after: string | undefined;
}

/** Asks for the newest messages before a position. */
interface BeforeQuery {
  readonly limit: number;
  readonly before: string;
}

/** Parses `?after=`, `?before=`, and `?limit=`. */
export function parseHistoryQuery(params: URLSearchParams): AfterQuery | BeforeQuery | Refusal {
  const limit = parseLimit(params);
  if (typeof limit !== "number") return limit;
  const after = params.get("after") ?? undefined;
  const before = params.get("before");
  if (before === null) return { limit, after };
  if (after !== undefined) {
    return refusal(400, "?after= and ?before= exclude each other: send one of them");
  }
  if (parsePosition(before) === undefined) {
    return refusal(400, `?before= must be the position of a message: it was ${before}`);
  }
  return { limit, before };
}

/**
 * Creates a page of a room's history, with a link to the next one.
 *
 * @throws {HistoryUnavailableError} If stored messages cannot be read.
 */
export function historyPage(
  history: RoomHistory,
  roomName: string,
  query: AfterQuery | BeforeQuery,
): Promise<Response> {
  return "before" in query
    ? pageBefore(history, roomName, query)
    : pageAfter(history, roomName, query);
}

async function pageAfter(
  history: RoomHistory,
  room: string,
  { limit, after: since }: AfterQuery,
): Promise<Response> {
  const { after, isRecovered, gap } = await history.replayStart({ since, last: Infinity });
  const { headSeq } = history;
  const page = await history.readPage({ after, upTo: headSeq }, limit, MAX_RESPONSE_LENGTH);
  const { messages, lastSeq: seq, missed } = page;
  const position = history.positionOf(seq);
  const missedHere = missed ? history.countBetween(after, missed.upTo) : 0;
  const missedCount = (gap?.missedCount ?? 0) + missedHere;
  const recovered = isRecovered && !missed;
  const next = { after: position, limit: `${limit}` };
  return pageOf(
    { room, position, recovered, missedCount },
    said(history, messages),
    seq < headSeq ? pageLink(pathOf(room), "next", next) : {},
  );
}

/** A room that does not know the position has no messages before it. */
async function pageBefore(
  history: RoomHistory,
  room: string,
  { limit, before: position }: BeforeQuery,
): Promise<Response> {
  const seq = await history.seqOf(position);
  if (seq === undefined) {
    return pageOf({ room, before: position, recovered: false, missedCount: 0 }, [], {});
  }
  const messages = await history.readBefore(seq, { limit, maxLength: MAX_RESPONSE_LENGTH });
  const missedCount = history.countBetween(messages.at(-1)?.seq ?? seq, seq);
  const firstSeq = messages[0]?.seq ?? seq + 1;
  const before = history.positionOf(firstSeq - 1);
  const older = await history.readBefore(firstSeq - 1, { limit: 1, maxLength: 1 });
  const hasOlder = older.length > 0;
  return pageOf(
    { room, before, recovered: missedCount === 0, missedCount },
    said(history, messages),
    hasOlder ? pageLink(pathOf(room), "prev", { before, limit: `${limit}` }) : {},
  );
}

function said(history: RoomHistory, messages: readonly Message[]): string[] {
  return messages.map((message) => encodeSaid(history.positionOf(message.seq), message));
}

function pathOf(room: string): string {
  return `/rooms/${encodeURIComponent(room)}/messages`;
}

function pageOf(
  about: Readonly<Record<string, unknown>>,
  said: readonly string[],
  link: Readonly<Record<string, string>>,
): Response {
  const body = `${JSON.stringify(about).slice(0, -1)},"messages":[${said.join(",")}]}\n`;
  return new Response(body, { headers: { ...JSON_HEADERS, ...link } });
}
