import { MAX_AGE_MS } from "../../cli/flags/duration.ts";
import { COMMON_FLAGS, type ConfigOf, type FlagTable } from "../../cli/flags/flag.ts";
import { parseMemberName } from "../../chat/names.ts";
import { isUser } from "../security/tokens/token_claims.ts";
import { parseRoomPattern } from "../security/tokens/room_pattern.ts";

function checkRooms(text: string): string | undefined {
  return parseRoomPattern(text) ? undefined : "a room, or the beginning of rooms and a *";
}

/** The flags of `deno task token`, which prints a token. */
export const TOKEN_FLAGS = {
  tokenSecretFile: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "File whose first line is the secret to sign with",
  },
  sub: {
    kind: "text",
    default: "",
    value: "USER",
    help: "The user",
    check: (text) => isUser(text) ? undefined : "1 to 255 visible characters",
  },
  name: {
    kind: "text",
    default: "",
    value: "NAME",
    help: "Name that the user has in the chat; without it, clients choose one",
    check: (text) => parseMemberName(text) ? undefined : "1 to 64 visible characters or spaces",
  },
  rooms: {
    kind: "list",
    default: [],
    value: "ROOM",
    refusesEmptyText: true,
    help: "Rooms that the user may read, such as tea or 'team-*'; repeatable; without it, all",
    check: checkRooms,
  },
  publish: {
    kind: "list",
    default: [],
    value: "ROOM",
    refusesEmptyText: true,
    help: "Rooms that the user may publish in; without it, those of --rooms; repeatable",
    check: checkRooms,
  },
  readOnly: {
    kind: "switch",
    default: false,
    help: "Allow the user to publish in no room",
  },
  audience: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Audience of the token: the server's --token-audience",
  },
  issuer: {
    kind: "text",
    default: "",
    value: "TEXT",
    help: "Issuer of the token: the server's --token-issuer",
  },
  ttlMs: {
    kind: "duration",
    default: 60 * 60_000,
    max: MAX_AGE_MS,
    help: "Time until the token expires; 0 means never",
  },
  help: { kind: "command", default: false, short: "h", help: "Print these flags and exit" },
  version: COMMON_FLAGS.version,
} as const satisfies FlagTable;

/** The configuration of `deno task token`. */
export type TokenConfig = ConfigOf<typeof TOKEN_FLAGS>;

/** Reports values that are missing, or valid alone but not together; one line each. */
export function tokenFaults(config: TokenConfig): readonly string[] {
  const { tokenSecretFile, sub, publish, readOnly } = config;
  return [
    ...tokenSecretFile === "" ? ["Cannot sign a token without --token-secret-file"] : [],
    ...sub === "" ? ["Cannot sign a token without --sub"] : [],
    ...readOnly && publish.length > 0 ? ["Cannot use --publish with --read-only"] : [],
  ];
}

/** Returns the claims of the token that a configuration describes. */
export function claimsOf(config: TokenConfig, nowMs: number): Record<string, unknown> {
  const { sub, name, rooms, publish, readOnly, audience, issuer, ttlMs } = config;
  const nowSeconds = Math.floor(nowMs / 1000);
  const read = rooms.length > 0 ? rooms : ["*"];
  const isLimited = rooms.length > 0 || publish.length > 0 || readOnly;
  return {
    sub,
    ...name === "" ? {} : { name },
    ...isLimited
      ? { rooms: { read, publish: readOnly ? [] : publish.length > 0 ? publish : read } }
      : {},
    ...audience === "" ? {} : { aud: audience },
    ...issuer === "" ? {} : { iss: issuer },
    iat: nowSeconds,
    ...ttlMs === 0 ? {} : { exp: nowSeconds + Math.ceil(ttlMs / 1000) },
  };
}
