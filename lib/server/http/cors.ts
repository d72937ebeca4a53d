/**
 * Lets a page of another origin read an answer of the HTTP API. Only pages that may use the server come so far: admission has
 * refused the others.
 */
export function withCors(request: Request, response: Response): Response {
  const origin = request.headers.get("origin");
  if (origin === null) return response;
  const { headers } = response;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", "link, retry-after");
  headers.append("vary", "origin");
  return response;
}

/** The answer to a browser that asks first whether a page may send a request. */
export function preflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": "GET, HEAD, POST",
      "access-control-allow-headers": "content-type, last-event-id",
      "access-control-max-age": "600",
    },
  });
}
