import { parseRoomName } from "../../../chat/names.ts";

/** Decides whether a room, by its normalized name, is meant. */
export type RoomPattern = (roomName: string) => boolean;

/**
 * Parses a pattern of rooms: a room's name; or a beginning and a `*`, such as `team-*`. `*` alone
 * means all rooms.
 *
 * @returns Undefined for a pattern that could never match, and for a `*` elsewhere.
 */
export function parseRoomPattern(text: string): RoomPattern | undefined {
  if (text === "*") return () => true;
  const isPrefix = text.endsWith("*");
  const stem = isPrefix ? text.slice(0, -1) : text;
  const name = stem.includes("*") ? undefined : parseRoomName(stem);
  if (name === undefined) return undefined;
  return isPrefix ? (roomName) => roomName.startsWith(name) : (roomName) => roomName === name;
}

/** Returns a pattern that matches what any of these matches. */
export function anyOf(patterns: readonly RoomPattern[]): RoomPattern {
  return (roomName) => patterns.some((matches) => matches(roomName));
}
