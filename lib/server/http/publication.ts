import type { Publication } from "../../chat/publication.ts";
import { checkSay } from "../../chat/chorus_v1.ts";
import { parseMemberName } from "../../chat/names.ts";
import { ByteBuffer } from "../../websocket/byte_buffer.ts";
import type { FieldMap } from "../../websocket/http_head.ts";
import { isRefusal, type Refusal, refusal } from "./refusal.ts";

/**
 * How much longer than its text a JSON body may be: one byte of text can take six as `\u0000`,
 * and the body has other fields too.
 */
const JSON_ALLOWANCE = { factor: 6, bytes: 4096 };

const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** The limits of a request body. */
export interface PublicationLimits {
  readonly maxMessageBytes: number;
  /** Time to receive the whole body; 0 disables the limit. */
  readonly requestTimeoutMs: number;
}

/**
 * Reads a message from a request body: plain text, or JSON with a `text` and optionally a `name`
 * and an `id`. JSON may begin with a byte order mark, as in a `chorus.v1` message. In plain text
 * one belongs to the text, as in a plain text message.
 *
 * @returns The message, or why there is none.
 */
export async function readPublication(
  request: Request,
  { maxMessageBytes, requestTimeoutMs }: PublicationLimits,
): Promise<Publication | Refusal> {
  const type = request.headers.get("content-type") ?? "";
  const isJson = JSON_TYPE.test(type);
  if (!isJson && !/^text\/plain\s*(;|$)/i.test(type)) {
    return refusal(
      415,
      `The Content-Type must be text/plain or application/json: it was "${type}"`,
    );
  }
  const maxBytes = maxBodyBytes(request.headers, maxMessageBytes);
  const bytes = await readBody(request, maxBytes, requestTimeoutMs);
  if (bytes === "too big") return tooBig(maxMessageBytes);
  if (bytes === "too late") {
    return {
      ...refusal(408, "The request took too long", { connection: "close" }),
      limit: "request_time",
    };
  }
  // The client has gone, or has broken the framing of the body.
  if (bytes === "broken") return refusal(400, "The body cannot be read");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: !isJson }).decode(bytes);
  } catch {
    return refusal(400, "The body must be UTF-8");
  }
  if (!isJson) return { text, name: null };
  const publication = parseJson(text);
  if (isRefusal(publication)) return publication;
  const byteLength = new TextEncoder().encode(publication.text).length;
  return byteLength > maxMessageBytes ? tooBig(maxMessageBytes) : publication;
}

/** Returns how long the body of a message may be, which depends on its type. */
export function maxBodyBytes(headers: FieldMap, maxMessageBytes: number): number {
  const { factor, bytes } = JSON_ALLOWANCE;
  const isJson = JSON_TYPE.test(headers.get("content-type") ?? "");
  return isJson ? factor * maxMessageBytes + bytes : maxMessageBytes;
}

/** The refusal of a message that is too big. */
export function tooBig(maxMessageBytes: number): Refusal {
  return {
    ...refusal(413, `A message must not exceed ${maxMessageBytes} bytes`),
    limit: "message_size",
  };
}

function parseJson(json: string): Publication | Refusal {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return refusal(400, "The body must be JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refusal(400, 'The body must be an object such as {"text":"hi"}');
  }
  const fields = value as Record<string, unknown>;
  const checked = checkSay(fields);
  if (checked.type === "error") return refusal(400, checked.message);
  const { name = null } = fields;
  const parsed = typeof name === "string" ? parseMemberName(name) : name;
  if (parsed !== null && typeof parsed !== "string") {
    return refusal(400, "The name must be 1 to 64 visible characters or spaces");
  }
  const { text, id } = checked;
  return { text, ...(id === undefined ? {} : { id }), name: parsed };
}

/** Reads a whole request body, or says why it cannot. */
async function readBody(
  request: Request,
  maxBytes: number,
  timeoutMs: number,
): Promise<Uint8Array | "too big" | "too late" | "broken"> {
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  let isLate = false;
  const stop = () => {
    isLate = true;
    cancel(reader);
  };
  const timer = timeoutMs > 0 ? setTimeout(stop, timeoutMs) : undefined;
  // A copy: each part is in 64 KiB of memory of its own, even if it is a single byte.
  const body = new ByteBuffer();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (isLate) return "too late";
      if (done) return body.bytes;
      if (body.append(value).length > maxBytes) {
        cancel(reader);
        return "too big";
      }
    }
  } catch {
    return isLate ? "too late" : "broken";
  } finally {
    clearTimeout(timer);
  }
}

/** Reads no more. Cancelling fails if the client has already gone. */
function cancel(reader: ReadableStreamDefaultReader): void {
  reader.cancel().catch(() => {});
}
