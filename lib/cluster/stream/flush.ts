import type { StreamedMessage, StreamPublication } from "../../chat/backplane.ts";
import type { Author } from "../../chat/message.ts";
import {
  eachFrame,
  headerBytes,
  type MessageOpcode,
  OPCODE,
  writeHeader,
} from "../../websocket/frame.ts";

/** The maximum number of messages in a flush. Each sequence number of the stream has so many. */
export const MAX_FLUSH_MESSAGES = 4096;

/** A flush of several messages is smaller, in bytes: NATS recommends at most 1 MiB. */
const MAX_FLUSH_BYTES = 480 * 1024;

/** What the JSON header has for each message with an id, besides the id: `[4095,""],`. */
const ID_OVERHEAD_BYTES = 10;

/** What the JSON header has for each author, and its span, at most. */
const AUTHOR_OVERHEAD_BYTES = 40;

/** JSON escapes one UTF-16 code unit with up to six bytes. */
const MAX_JSON_BYTES_PER_UNIT = 6;

/** The size of the length of the JSON header. */
const LENGTH_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a flush says besides its messages. */
export interface FlushHead {
  /** The epoch in which it was published. */
  readonly epoch: string;
  /** The process that published it. */
  readonly node: string;
  /** Counts the flushes of the process. */
  readonly number: number;
  /**
   * The sequence number of the newest message of the room that the process had received before it
   * encoded the flush; 0 if none.
   */
  readonly after: number;
  /**
   * The ids of the flush were compared with those of all messages up to this sequence number, when
   * the first of them was published. Default: `after`. It is less if the message had to wait.
   */
  readonly comparedUpTo?: number | undefined;
  /**
   * The stream's sequence number from which on a process must read the flushes of the room to know
   * its newest messages.
   */
  readonly tail: number;
  /**
   * Set if the flush says that all messages before it were deleted. It has one message then, which
   * is not delivered.
   */
  readonly isDeletion?: boolean | undefined;
}

/** A message to send, or a note that all messages before it were deleted. */
export type FlushPart = StreamPublication & {
  /** Set if it is such a note: settled with its sequence number, or why it is not stored. */
  readonly deletion?: PromiseWithResolvers<number>;
};

/** A flush that comes from the stream: consecutive messages of one room, by one process. */
export interface Flush extends FlushHead {
  /** The stream's sequence number of the flush. */
  readonly streamSeq: number;
  readonly atMs: number;
  /** At least one. */
  readonly messages: readonly FlushMessage[];
  /** The size of the payload. */
  readonly byteCount: number;
}

/** A message of a flush. It is known later whether it is a duplicate. */
export type FlushMessage = Omit<StreamedMessage, "duplicateOf"> & { duplicateOf?: number };

/** Where a flush is in the stream, and when it was stored. */
export interface FlushPlace {
  readonly streamSeq: number;
  readonly atMs: number;
}

/** The JSON header of a payload. */
interface Header extends FlushHead {
  readonly authors: readonly (readonly [id: string | null, name: string | null])[];
  /** In the order of the messages: the index of an author, and how many messages it published. */
  readonly spans: readonly (readonly [author: number, count: number])[];
  /** The ids of the messages that have one. */
  readonly ids: readonly (readonly [index: number, id: string])[];
}

/** Returns the sequence number of the first message of a flush. */
export function firstSeqOf(streamSeq: number): number {
  return streamSeq * MAX_FLUSH_MESSAGES;
}

/** Returns the stream's sequence number of the flush that has, or would have, a message. */
export function streamSeqOf(seq: number): number {
  return Math.floor(seq / MAX_FLUSH_MESSAGES);
}

/** Returns the sequence number of the last message of a flush. */
export function lastSeqOf({ streamSeq, messages }: Flush): number {
  return firstSeqOf(streamSeq) + messages.length - 1;
}

/** Returns how many messages from the first on fit in one flush: at least one. */
export function flushLength(publications: readonly FlushPart[]): number {
  let bytes = 0;
  let author: Author | undefined;
  const limit = Math.min(publications.length, MAX_FLUSH_MESSAGES);
  for (let count = 0; count < limit; count++) {
    const publication = publications[count]!;
    // A deletion is a flush of its own.
    if (publication.deletion) return Math.max(count, 1);
    bytes += headerBytes(publication.bytes.length) + publication.bytes.length;
    if (publication.id !== undefined) bytes += jsonBytes(publication.id) + ID_OVERHEAD_BYTES;
    if (publication.author !== author) {
      ({ author } = publication);
      bytes += jsonBytes(author.id) + jsonBytes(author.name) + AUTHOR_OVERHEAD_BYTES;
    }
    if (bytes > MAX_FLUSH_BYTES && count > 0) return count;
  }
  return limit;
}

function jsonBytes(text: string | null): number {
  return MAX_JSON_BYTES_PER_UNIT * (text?.length ?? 0);
}

/**
 * Encodes a flush: the length of a JSON header in four bytes, the header, and the bodies as
 * WebSocket frames.
 */
export function encodeFlush(
  head: FlushHead,
  publications: readonly StreamPublication[],
): Uint8Array {
  const authors = new Map<string, number>();
  const table: (readonly [string | null, string | null])[] = [];
  const spans: [number, number][] = [];
  const ids: [number, string][] = [];
  let frameBytes = 0;
  let last: Author | undefined;
  for (const [index, { author, id, bytes }] of publications.entries()) {
    frameBytes += headerBytes(bytes.length) + bytes.length;
    if (id !== undefined) ids.push([index, id]);
    if (author === last) {
      spans.at(-1)![1]++;
      continue;
    }
    last = author;
    const row = [author.id, author.name] as const;
    const key = JSON.stringify(row);
    let at = authors.get(key);
    if (at === undefined) {
      at = table.push(row) - 1;
      authors.set(key, at);
    }
    spans.push([at, 1]);
  }
  const header: Header = { ...head, authors: table, spans, ids };
  const headerJson = encoder.encode(JSON.stringify(header));
  const payload = new Uint8Array(LENGTH_BYTES + headerJson.length + frameBytes);
  new DataView(payload.buffer).setUint32(0, headerJson.length);
  payload.set(headerJson, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerJson.length;
  for (const { opcode, bytes } of publications) {
    at = writeHeader(payload, at, opcode, bytes.length);
    payload.set(bytes, at);
    at += bytes.length;
  }
  return payload;
}

/**
 * Decodes a flush. Returns undefined if the payload is not one: anybody with access to the NATS
 * server can publish anything.
 */
export function decodeFlush(payload: Uint8Array, place: FlushPlace): Flush | undefined {
  if (payload.length < LENGTH_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const framesStart = LENGTH_BYTES + view.getUint32(0);
  if (framesStart >= payload.length) return undefined;
  const header = parseHeader(payload.subarray(LENGTH_BYTES, framesStart));
  if (!header) return undefined;
  const frames = payload.subarray(framesStart);
  const count = countFrames(frames);
  if (count === undefined || count > MAX_FLUSH_MESSAGES) return undefined;
  const messages = numberMessages(header, frames, place);
  if (messages.length !== count || !header.ids.every(([index]) => index < count)) return undefined;
  const { epoch, node, number, after, comparedUpTo, tail } = header;
  const isDeletion = header.isDeletion === true;
  const head = { epoch, node, number, after, comparedUpTo, tail, isDeletion };
  return { ...head, ...place, messages, byteCount: payload.length };
}

function numberMessages(header: Header, frames: Uint8Array, place: FlushPlace): FlushMessage[] {
  const messages: FlushMessage[] = [];
  const authors = header.authors.map(([id, name]): Author => ({ id, name }));
  const ids = new Map(header.ids);
  const spans = header.spans.values();
  let author: Author | undefined;
  let left = 0;
  let seq = firstSeqOf(place.streamSeq);
  for (const { opcode, payload } of eachFrame(frames)) {
    if (left === 0) {
      const { value } = spans.next();
      author = value && authors[value[0]];
      left = value?.[1] ?? 0;
    }
    if (!author) return [];
    left--;
    const id = ids.get(messages.length);
    const { atMs } = place;
    messages.push({ seq: seq++, author, atMs, opcode: opcode as MessageOpcode, payload, id });
  }
  // There must be as many messages in the spans as there are frames.
  return left === 0 && spans.next().done ? messages : [];
}

/** Counts frames; undefined if they are not whole, final, unmasked texts and binaries. */
function countFrames(frames: Uint8Array): number | undefined {
  let count = 0;
  let at = 0;
  while (at < frames.length) {
    const first = frames[at]! ^ 0x80;
    if (first !== OPCODE.text && first !== OPCODE.binary) return undefined;
    // The shortest header must be there before its length is read.
    const short = frames[at + 1] ?? 0xff;
    if (short > 127) return undefined;
    const header = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + header > frames.length) return undefined;
    if (short < 126) at += header + short;
    else {
      const view = new DataView(frames.buffer, frames.byteOffset + at);
      at += header + (short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2)));
    }
    count++;
  }
  return at === frames.length ? count : undefined;
}

function parseHeader(bytes: Uint8Array): Header | undefined {
  try {
    const header = JSON.parse(decoder.decode(bytes));
    return isHeader(header) ? header : undefined;
  } catch {
    return undefined;
  }
}

function isHeader(value: unknown): value is Header {
  if (typeof value !== "object" || value === null) return false;
  const { epoch, node, number, after, comparedUpTo = 0, tail, authors, spans, ids } =
    value as Record<
      string,
      unknown
    >;
  return typeof epoch === "string" && typeof node === "string" &&
    [number, after, comparedUpTo, tail].every(isCount) &&
    arePairs(authors, isTextOrNull, isTextOrNull) &&
    arePairs(spans, isCount, (count) => isCount(count) && count !== 0) &&
    arePairs(ids, isCount, (id) => typeof id === "string");
}

function arePairs(
  value: unknown,
  isFirst: (value: unknown) => boolean,
  isSecond: (value: unknown) => boolean,
): boolean {
  return Array.isArray(value) &&
    value.every((pair) =>
      Array.isArray(pair) && pair.length === 2 && isFirst(pair[0]) && isSecond(pair[1])
    );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === "string";
}
