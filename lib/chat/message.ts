import { encodeFrame } from "../websocket/frame.ts";
import { type MessageOpcode, OPCODE } from "../websocket/opcode.ts";

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
  readonly opcode: MessageOpcode;
  readonly payload: Uint8Array;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** A message in the words of `chorus.v1`. A binary one has `binary`, in base64, instead of `text`. */
export function saidText(position: string, message: Message): string {
  const { author: { id, name }, atMs, opcode, payload } = message;
  const content = opcode === OPCODE.text
    ? `"text":${JSON.stringify(decoder.decode(payload))}`
    : `"binary":"${payload.toBase64()}"`;
  return `{"type":"said","position":"${position}",` +
    `"from":${id === null ? "null" : `"${id}"`},"name":${JSON.stringify(name)},${content},` +
    `"at":"${new Date(atMs).toISOString()}"}`;
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

/** A text as a whole frame. */
export function textFrame(text: string): Uint8Array<ArrayBuffer> {
  return encodeFrame(OPCODE.text, encoder.encode(text));
}

/** Frames, one behind the other. */
export function joinFrames(frames: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (frames.length === 1) return frames[0] as Uint8Array<ArrayBuffer>;
  const joined = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const frame of frames) {
    joined.set(frame, at);
    at += frame.length;
  }
  return joined;
}
