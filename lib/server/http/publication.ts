import type { Publication } from "../../chat/chat.ts";
import { checkSay } from "../../chat/chorus_v1.ts";
import { parseMemberName } from "../../chat/names.ts";

/** How much longer than a message JSON may be: a byte may be written as `\u0000`, and there is more than the text. */
const JSON_ALLOWANCE = { factor: 6, bytes: 4096 };

/** Why a publication is refused. */
export interface PublicationFault {
  readonly status: 400 | 413 | 415;
  readonly detail: string;
}

/** Reads a message out of a request: its body as it is, or as JSON with a `text`, and a `name` and an `id` if wanted. */
export async function readPublication(
  request: Request,
  maxMessageBytes: number,
): Promise<Publication | PublicationFault> {
  const type = request.headers.get("content-type") ?? "";
  const isJson = /^application\/json\s*(;|$)/i.test(type);
  if (!isJson && !/^text\/plain\s*(;|$)/i.test(type)) {
    const detail = `The Content-Type must be text/plain or application/json: it was "${type}"`;
    return { status: 415, detail };
  }
  const tooBig = {
    status: 413,
    detail: `A message may have ${maxMessageBytes} bytes: this one has more`,
  } as const;
  const { factor, bytes: more } = JSON_ALLOWANCE;
  const bytes = await readAtMost(
    request,
    isJson ? factor * maxMessageBytes + more : maxMessageBytes,
  );
  if (!bytes) return tooBig;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { status: 400, detail: "The body must be UTF-8" };
  }
  if (!isJson) return { text, name: null };
  const publication = parseJson(text);
  if ("detail" in publication) return publication;
  return new TextEncoder().encode(publication.text).length > maxMessageBytes ? tooBig : publication;
}

function parseJson(json: string): Publication | PublicationFault {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { status: 400, detail: "The body must be JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { status: 400, detail: 'The body must be an object such as {"text":"hi"}' };
  }
  const said = value as Record<string, unknown>;
  const checked = checkSay(said);
  if (checked.type === "error") return { status: 400, detail: checked.message };
  const { name = null } = said;
  const parsed = typeof name === "string" ? parseMemberName(name) : name;
  if (parsed !== null && typeof parsed !== "string") {
    return { status: 400, detail: "The name must be 1 to 64 characters that can be seen" };
  }
  const { text, id } = checked;
  return { text, ...(id === undefined ? {} : { id }), name: parsed };
}

/** A request's body; undefined if it is longer than that. */
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
