import type { Body } from "./log/frames.ts";

/** Who has said something. */
export interface Author {
  /** The UUID of a member; null for who publishes without being in the room. */
  readonly id: string | null;
  /** What they call themselves, if anything: a claim. */
  readonly name: string | null;
}

/** A message of a room. */
export interface Message {
  /** The how-manieth of its room it is. */
  readonly number: number;
  readonly author: Author;
  /** When it was said, in milliseconds since 1970. */
  readonly atMs: number;
  readonly body: Body;
}

/** A message in the words of `chorus.v1`. A binary one has `binary`, in base64, instead of `text`. */
export function saidText(position: string, message: Message): string {
  const { author: { id, name }, atMs, body } = message;
  const content = typeof body === "string"
    ? `"text":${JSON.stringify(body)}`
    : `"binary":"${body.toBase64()}"`;
  return `{"type":"said","position":"${position}",` +
    `"from":${id === null ? "null" : `"${id}"`},"name":${JSON.stringify(name)},${content},` +
    `"at":"${isoTime(atMs)}"}`;
}

/** The time that was formatted last: messages one behind the other often have the same. */
let lastTime = { ms: NaN, text: "" };

function isoTime(ms: number): string {
  if (lastTime.ms !== ms) lastTime = { ms, text: new Date(ms).toISOString() };
  return lastTime.text;
}

/** Who has come or gone, in the words of `chorus.v1`. */
export function presenceText(
  type: "joined" | "left",
  change: {
    /** The first of them. */
    readonly members: readonly Author[];
    /** How many have. */
    readonly count: number;
    /** How many are there now. */
    readonly memberCount: number;
  },
): string {
  return JSON.stringify({ type, ...change });
}
