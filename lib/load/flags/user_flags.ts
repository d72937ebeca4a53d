import { MAX_AGE_MS } from "../../cli/flags/duration.ts";
import type { FlagTable } from "../../cli/flags/flag.ts";
import { mustBeWebSocketUrl } from "./flag_checks.ts";

/** How many users there are, and what they send. */
export const USER_FLAGS = {
  url: {
    kind: "text",
    default: "ws://127.0.0.1:8000/ws",
    value: "URL",
    isCommon: true,
    help: "WebSocket URL of the server",
    check: mustBeWebSocketUrl,
  },
  room: {
    kind: "text",
    default: "",
    value: "NAME",
    isCommon: true,
    help: "Room to join; adds ?room=NAME to the URL",
  },
  rooms: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 100_000,
    help:
      "Rooms that the users take turns to join: room-1 to room-N, or NAME-1 to NAME-N with --room",
  },
  users: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "File with a user on each line, as JSON: name, room, token, and headers",
  },
  count: {
    kind: "integer",
    default: 9,
    value: "N",
    min: 1,
    max: 100_000,
    isCommon: true,
    help: "Users to simulate, numbered 1 to N",
  },
  intervalMs: {
    kind: "duration",
    default: 2000,
    min: 1,
    isCommon: true,
    help: "Time between the messages of user 1; see --every for other users",
  },
  every: {
    kind: "choice",
    default: "scaled",
    choices: ["scaled", "fixed"],
    help: "User k sends every k intervals (scaled), or every user sends every interval (fixed)",
  },
  message: {
    kind: "text",
    default: "Client {id} says hello",
    value: "TEXT",
    allowsEmptyText: true,
    isCommon: true,
    help:
      "Message to send; {id}, {name}, {seq}, and {time} are filled in, and {marker} when measuring",
  },
  durationMs: {
    kind: "duration",
    default: 0,
    max: MAX_AGE_MS,
    isCommon: true,
    help: "How long to run, not counting --warmup; 0 means until Ctrl-C",
  },
} as const satisfies FlagTable;
