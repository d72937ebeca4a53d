import type { Author, Message } from "./message.ts";

/**
 * The subprotocol `chorus.v1`: JSON messages in text frames. PROTOCOL.md documents every message; a
 * test holds the two together.
 */
export const CHORUS_PROTOCOL = "chorus.v1";

/** The subprotocol of plain text clients that must name one, because they also offer a token. */
export const PLAIN_PROTOCOL = "chorus.plain";

/** The maximum length of a message id. */
const MAX_ID_CHARACTERS = 128;

/** What a client sends. */
export type ClientMessage = SayMessage | TokenMessage | PingMessage;

/** Publishes a text in the room. */
export interface SayMessage {
  readonly type: "say";
  readonly text: string;
  /** Asks for an `ack`, and makes a retry harmless: the same message is not published twice. */
  readonly id?: string;
}

/** Presents a new token, before the old one expires. */
export interface TokenMessage {
  readonly type: "token";
  readonly token: string;
}

/** Asks for a {@linkcode PongMessage}, to see whether the connection works. */
export interface PingMessage {
  readonly type: "ping";
}

/** What the server sends. */
export type ServerMessage =
  | WelcomeMessage
  | SaidMessage
  | AckMessage
  | PresenceMessage
  | GapMessage
  | TokenNotice
  | ReconnectMessage
  | StatusMessage
  | PongMessage
  | ErrorMessage;

/** The first message of a connection. */
export interface WelcomeMessage {
  readonly type: "welcome";
  /** The member's own UUID: the `from` of its messages. */
  readonly you: string;
  /** A token that makes a later connection the same member. */
  readonly session: string;
  readonly room: string;
  /** Everything after this position follows. */
  readonly position: string;
  /** The position after the newest message: the replay ends there. */
  readonly head: string;
  /** Whether everything after the requested position follows. */
  readonly recovered: boolean;
  /** The first 100 members. */
  readonly members: readonly Author[];
  readonly memberCount: number;
  /** The maximum length of a frame of the client. */
  readonly maxMessageBytes: number;
}

/** A message of the room. */
export type SaidMessage =
  & {
    readonly type: "said";
    readonly position: string;
    /** The author's UUID; null for messages published over HTTP. */
    readonly from: string | null;
    readonly name: string | null;
    /** When it was published, as an RFC 3339 timestamp in UTC. */
    readonly at: string;
  }
  & ({ readonly text: string } | {
    /** The bytes of a binary message, in base64. */
    readonly binary: string;
  });

/** The client's message with this id is committed. */
export interface AckMessage {
  readonly type: "ack";
  readonly id: string;
  readonly position: string;
  /** Set if the message was published before, with the same id. */
  readonly duplicate?: true;
}

/** Members have joined or left. A member that is there already has joined with a new name. */
export interface PresenceMessage {
  readonly type: "joined" | "left";
  /** The first 100 of them. */
  readonly members: readonly Author[];
  /** How many have joined or left. */
  readonly count: number;
  /** How many members there are now. */
  readonly memberCount: number;
}

/** Messages between two positions that the client will not get. */
export interface GapMessage {
  readonly type: "gap";
  readonly after: string;
  readonly before: string;
  readonly missedCount: number;
  readonly reason: GapReason;
}

/**
 * Why messages are missing: they are older than the server retains, the server does not know the
 * position, the client read too slowly, or the messages were never committed.
 */
export type GapReason = "expired" | "unknown position" | "too slow" | "not committed";

/** The client's access ends soon; or, after a {@linkcode TokenMessage}, later than before. */
export interface TokenNotice {
  readonly type: "token";
  /** The time until the access ends; null if it does not end. */
  readonly expiresInSeconds: number | null;
}

/** The server stops, and closes the connection right after this message. */
export interface ReconnectMessage {
  readonly type: "reconnect";
  /** When to connect again, in milliseconds after the close. */
  readonly inMs: number;
}

/** Whether the server can store messages now. Servers that share a chat can lose their store. */
export interface StatusMessage {
  readonly type: "status";
  /** If not, messages are held, and refused with `not_committed` when there are too many. */
  readonly storing: boolean;
  /** What has happened, for people. */
  readonly message: string;
}

/** The answer to a {@linkcode PingMessage}. */
export interface PongMessage {
  readonly type: "pong";
}

/** The server could not do what the client asked for. The connection stays open. */
export interface ErrorMessage {
  readonly type: "error";
  readonly code: ErrorCode;
  /** What is wrong, for people. */
  readonly message: string;
  /** The id of the client's message, if it has one. */
  readonly id?: string;
}

/** A stable name for an error, for programs. */
export type ErrorCode =
  | "bad_json"
  | "unknown_type"
  | "bad_id"
  | "bad_text"
  | "id_reused"
  | "not_committed"
  | "history_unavailable"
  | "forbidden"
  | "bad_token";

/** Parses what a client has sent. Returns the error to answer with if it is not a valid message. */
export function parseClientMessage(json: string): ClientMessage | ErrorMessage {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return errorOf("bad_json", "A frame must be JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return errorOf("bad_json", "A frame must be a JSON object");
  }
  const { type, ...fields } = value as Record<string, unknown>;
  if (type === "say") return checkSay(fields);
  if (type === "token") return checkToken(fields);
  if (type === "ping") return { type };
  const id = isMessageId(fields.id) ? fields.id : undefined;
  return errorOf(
    "unknown_type",
    `The type must be "say", "token", or "ping": ${JSON.stringify(type) ?? "missing"}`,
    id,
  );
}

/** Checks the fields of a message to publish. Unknown fields are ignored. */
export function checkSay(
  { text, id }: Readonly<Record<string, unknown>>,
): SayMessage | ErrorMessage {
  if (id !== undefined && !isMessageId(id)) {
    return errorOf("bad_id", `The id must be a string of 1 to ${MAX_ID_CHARACTERS} characters`);
  }
  if (typeof text !== "string" || !text.isWellFormed()) {
    return errorOf("bad_text", "The text must be a string of valid Unicode", id);
  }
  return { type: "say", text, ...(id === undefined ? {} : { id }) };
}

function checkToken({ token }: Readonly<Record<string, unknown>>): TokenMessage | ErrorMessage {
  return typeof token === "string"
    ? { type: "token", token }
    : errorOf("bad_token", "The token must be a string");
}

/** Makes a {@linkcode StatusMessage}. */
export function statusOf(storing: boolean): StatusMessage {
  const message = storing
    ? "The server stores messages again"
    : "The server cannot store messages at the moment, and holds them until it can";
  return { type: "status", storing, message };
}

/** Encodes a message of the server. */
export function encodeServerMessage(message: ServerMessage): string {
  return JSON.stringify(message);
}

/**
 * Encodes a message of a room as a {@linkcode SaidMessage}: the hot path, so the JSON is put
 * together by hand.
 */
export function encodeSaid(position: string, message: Message): string {
  const { author: { id, name }, atMs, body } = message;
  const content = typeof body === "string"
    ? `"text":${JSON.stringify(body)}`
    : `"binary":"${body.toBase64()}"`;
  return `{"type":"said","position":"${position}",` +
    `"from":${id === null ? "null" : `"${id}"`},"name":${JSON.stringify(name)},${content},` +
    `"at":"${timestamp(atMs)}"}`;
}

function errorOf(code: ErrorCode, message: string, id?: string): ErrorMessage {
  return { type: "error", code, message, ...(id === undefined ? {} : { id }) };
}

function isMessageId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= MAX_ID_CHARACTERS &&
    id.isWellFormed();
}

/** The last timestamp: consecutive messages often have the same time. */
let lastTimestamp = { ms: NaN, text: "" };

function timestamp(ms: number): string {
  if (lastTimestamp.ms !== ms) lastTimestamp = { ms, text: new Date(ms).toISOString() };
  return lastTimestamp.text;
}
