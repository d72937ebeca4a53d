import type { FieldMap } from "../../websocket/http_head.ts";

/** The header of a request's id. Proxies and clients may set it; each response has it. */
export const REQUEST_ID_HEADER = "x-request-id";

/** An id that is safe in a header and in a log line. */
const VALID = /^[\w.:+/=-]{1,128}$/;

/** The id that a client or a proxy has given a request; undefined if it has none, or a bad one. */
export function givenRequestId(headers: FieldMap): string | undefined {
  const given = headers.get(REQUEST_ID_HEADER);
  return given !== null && VALID.test(given) ? given : undefined;
}

/** The id of a request: the given one, or a new UUID. */
export function requestIdOf(headers: FieldMap): string {
  return givenRequestId(headers) ?? crypto.randomUUID();
}
