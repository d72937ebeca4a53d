import { parseRoomName } from "../../chat/names.ts";
import { type Refusal, refusal } from "./refusal.ts";

/** The number of elements in one response. */
const LIMIT = { default: 100, max: 1000 };

/** Parses the room in a path; undefined if it is not a room's name. */
export function parseRoomSegment(segment: string): string | undefined {
  try {
    return parseRoomName(decodeURIComponent(segment));
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** Parses `?limit=`, which is 100 by default. */
export function parseLimit(params: URLSearchParams): number | Refusal {
  const text = params.get("limit") ?? String(LIMIT.default);
  return /^[1-9]\d{0,3}$/.test(text) && Number(text) <= LIMIT.max
    ? Number(text)
    : refusal(400, `?limit= must be a number from 1 to ${LIMIT.max}`);
}
