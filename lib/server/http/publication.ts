import type { Publication } from "../../chat/chat.ts";
import { checkSay } from "../../chat/chorus_v1.ts";
import { parseMemberName } from "../../chat/names.ts";
import { problem } from "./api_response.ts";

/**
 * How much longer than its text a JSON body may be: one byte of text can take six as `\u0000`,
 * and the body has other fields too.
 */
const JSON_ALLOWANCE = { factor: 6, bytes: 4096 };

/**
 * Reads a message from a request body: plain text, or JSON with a `text` and optionally a `name`
 * and an `id`.
 *
 * @returns The message, or an error response.
 */
export async function readPublication(
  request: Request,
  maxMessageBytes: number,
): Promise<Publication | Response> {
  const type = request.headers.get("content-type") ?? "";
  const isJson = /^application\/json\s*(;|$)/i.test(type);
  if (!isJson && !/^text\/plain\s*(;|$)/i.test(type)) {
    return problem(
      415,
      `The Content-Type must be text/plain or application/json: it was "${type}"`,
    );
  }
  const tooBig = () => problem(413, `A message must not exceed ${maxMessageBytes} bytes`);
  const { factor, bytes: extraBytes } = JSON_ALLOWANCE;
  const maxBytes = isJson ? factor * maxMessageBytes + extraBytes : maxMessageBytes;
  const bytes = await readAtMost(request, maxBytes);
  if (!bytes) return tooBig();
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return problem(400, "The body must be UTF-8");
  }
  if (!isJson) return { text, name: null };
  const publication = parseJson(text);
  if (publication instanceof Response) return publication;
  const byteLength = new TextEncoder().encode(publication.text).length;
  return byteLength > maxMessageBytes ? tooBig() : publication;
}

function parseJson(json: string): Publication | Response {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return problem(400, "The body must be JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return problem(400, 'The body must be an object such as {"text":"hi"}');
  }
  const fields = value as Record<string, unknown>;
  const checked = checkSay(fields);
  if (checked.type === "error") return problem(400, checked.message);
  const { name = null } = fields;
  const parsed = typeof name === "string" ? parseMemberName(name) : name;
  if (parsed !== null && typeof parsed !== "string") {
    return problem(400, "The name must be 1 to 64 visible characters or spaces");
  }
  const { text, id } = checked;
  return { text, ...(id === undefined ? {} : { id }), name: parsed };
}

/** Reads a request body; undefined if it is longer than `maxBytes`. */
async function readAtMost(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const part of request.body ?? []) {
    length += part.length;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return await new Blob(parts).bytes();
}
