/** The subprotocol that a client offers to be spoken to in JSON. */
export const CHORUS_PROTOCOL = "chorus.v1";

/** The longest id of a message. */
const MAX_ID_CHARACTERS = 128;

/** What a `chorus.v1` client says. */
export interface Say {
  readonly text: string;
  /** By which the ack names it, and by which it is known when it comes again. */
  readonly id: string | undefined;
}

/** Why something a client has sent cannot be understood. */
export interface SayFault {
  readonly code: "bad_json" | "unknown_type" | "bad_id" | "bad_text";
  readonly message: string;
  readonly id: string | undefined;
}

/** Reads what a `chorus.v1` client has sent: an object with `type` "say", a `text`, and an `id` if it wants an ack. */
export function parseSay(json: string): { readonly say: Say } | { readonly fault: SayFault } {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return { fault: { code: "bad_json", message: "A frame must be JSON", id: undefined } };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { fault: { code: "bad_json", message: "A frame must be an object", id: undefined } };
  }
  const { type, ...said } = value as Record<string, unknown>;
  if (type !== "say") {
    const message = `The type must be "say": it was ${JSON.stringify(type) ?? "missing"}`;
    return {
      fault: { code: "unknown_type", message, id: isMessageId(said.id) ? said.id : undefined },
    };
  }
  return checkSay(said);
}

/** Checks the parts of something that is to be said. */
export function checkSay(
  { text, id }: Readonly<Record<string, unknown>>,
): { readonly say: Say } | { readonly fault: SayFault } {
  if (id !== undefined && !isMessageId(id)) {
    const message = `The id must be a text of 1 to ${MAX_ID_CHARACTERS} characters`;
    return { fault: { code: "bad_id", message, id: undefined } };
  }
  if (typeof text !== "string" || !text.isWellFormed()) {
    return {
      fault: { code: "bad_text", message: "The text must be there, and be valid Unicode", id },
    };
  }
  return { say: { text, id } };
}

function isMessageId(id: unknown): id is string {
  return typeof id === "string" && id !== "" && id.length <= MAX_ID_CHARACTERS &&
    id.isWellFormed();
}
