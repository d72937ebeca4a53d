import type { JWTPayload } from "jose";
import type { Access } from "../../../chat/access.ts";
import { parseMemberName } from "../../../chat/names.ts";
import { anyOf, parseRoomPattern, type RoomPattern } from "./room_pattern.ts";
import { TokenFault } from "./token_fault.ts";

/** How far the clocks of the issuer and of this server may differ. */
export const CLOCK_SKEW_SECONDS = 30;

/** The maximum length of `sub`. OpenID Connect allows 255 characters. */
const MAX_SUB_LENGTH = 255;

/**
 * Reads what a verified token allows.
 *
 * | Claim           | Meaning                                       | If missing       |
 * | --------------- | --------------------------------------------- | ---------------- |
 * | `sub`           | the user                                      | a fault          |
 * | `name`          | the user's name, which no client can change   | the client's own |
 * | `exp`           | when the access ends                          | never            |
 * | `rooms`         | what the user may do in which rooms           | everything       |
 * | `rooms.read`    | names of rooms, and beginnings such as `tea*` | none             |
 * | `rooms.publish` | the same for publishing                       | none             |
 *
 * The access ends at `exp`. A token that arrives later, and is accepted because clocks differ,
 * gives access until {@linkcode CLOCK_SKEW_SECONDS} after it.
 */
export function accessOf(claims: JWTPayload, nowMs: number): Access | TokenFault {
  const { sub, exp = Infinity, name, rooms } = claims;
  if (!isUser(sub)) {
    return new TokenFault(
      `The token's claim sub must be a text of 1 to ${MAX_SUB_LENGTH} visible characters`,
    );
  }
  const memberName = name === undefined
    ? null
    : typeof name === "string"
    ? parseMemberName(name)
    : undefined;
  if (memberName === undefined) {
    return new TokenFault(
      "The token's claim name must be a text of 1 to 64 visible characters or spaces",
    );
  }
  const patterns = parseRooms(rooms);
  if (!patterns) return new TokenFault(BAD_ROOMS);
  const expiresAtMs = 1000 * exp;
  return {
    user: sub,
    name: memberName,
    expiresAtMs: expiresAtMs > nowMs ? expiresAtMs : expiresAtMs + 1000 * CLOCK_SKEW_SECONDS,
    mayRead: patterns.read,
    mayPublish: patterns.publish,
  };
}

const BAD_ROOMS = "The token's claim rooms must be an object whose read and publish are lists of " +
  "room names, each optionally with a * at its end";

/** Whether a value of `sub` is a user: a text of 1 to 255 visible characters and spaces. */
export function isUser(sub: unknown): sub is string {
  return typeof sub === "string" && sub.length <= MAX_SUB_LENGTH && sub.trim() !== "" &&
    !/[\p{C}\p{Zl}\p{Zp}\p{DI}]/u.test(sub);
}

interface RoomPatterns {
  readonly read: RoomPattern;
  readonly publish: RoomPattern;
}

function parseRooms(rooms: unknown): RoomPatterns | undefined {
  if (rooms === undefined) return { read: () => true, publish: () => true };
  if (typeof rooms !== "object" || rooms === null || Array.isArray(rooms)) return undefined;
  const { read = [], publish = [] } = rooms as Readonly<Record<string, unknown>>;
  const parsed = { read: parseList(read), publish: parseList(publish) };
  return parsed.read && parsed.publish && { read: parsed.read, publish: parsed.publish };
}

function parseList(list: unknown): RoomPattern | undefined {
  if (!Array.isArray(list)) return undefined;
  const patterns = list.map((each) => typeof each === "string" ? parseRoomPattern(each) : each);
  return patterns.every((each) => typeof each === "function") ? anyOf(patterns) : undefined;
}
