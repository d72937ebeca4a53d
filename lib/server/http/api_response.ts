import type { FieldMap } from "../../websocket/http_head.ts";

type HeaderFields = Readonly<Record<string, string>>;

/** A response whose body is a text. The gateway can send one without `Deno.serve`. */
export interface TextResponse {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: string;
}

/** The headers of the API's JSON responses, except errors. */
export const JSON_HEADERS = {
  "content-type": "application/json",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Creates a response with a JSON body. */
export function json(value: unknown, headers: HeaderFields = {}, status = 200): Response {
  return new Response(JSON.stringify(value) + "\n", {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  });
}

/** Creates the `Link` header of a page of a list, which leads to another page. */
export function pageLink(path: string, rel: "next" | "prev", query: HeaderFields): HeaderFields {
  return { link: `<${path}?${new URLSearchParams(query)}>; rel="${rel}"` };
}

/** Creates a response of plain text. */
export function plainText(
  status: number,
  text: string,
  headers: HeaderFields = {},
): TextResponse {
  return {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...headers,
    },
    body: `${text}\n`,
  };
}

/** Creates the response for `Deno.serve`. */
export function toResponse({ body, ...init }: TextResponse): Response {
  return new Response(body, init);
}

/** Creates the response to a CORS preflight request. */
export function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, POST",
      "access-control-allow-headers": "authorization, content-type, last-event-id, x-request-id",
      "access-control-max-age": "600",
    },
  });
}

/**
 * Lets pages of the request's origin read the response. Safe for any origin that reaches the API:
 * admission has refused all others.
 */
export function withCors({ headers }: Request, response: Response): Response {
  const vary = response.headers.get("vary");
  for (const [name, value] of Object.entries(corsHeaders(headers))) {
    response.headers.set(name, value);
  }
  // The response may vary with another header as well. A refusal has these headers already.
  if (vary !== null && vary !== "origin") response.headers.append("vary", vary);
  return response;
}

/** The headers that {@linkcode withCors} sets. */
export function corsHeaders(requestHeaders: FieldMap): HeaderFields {
  const origin = requestHeaders.get("origin");
  if (origin === null) return { vary: "origin" };
  return {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": "link, retry-after, www-authenticate, x-request-id",
    vary: "origin",
  };
}
