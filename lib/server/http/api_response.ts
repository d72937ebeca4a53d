import { isStatus, STATUS_TEXT } from "@std/http/status";

type HeaderFields = Readonly<Record<string, string>>;

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

/** Creates an error response with problem details (RFC 9457). */
export function problem(status: number, detail: string, headers: HeaderFields = {}): Response {
  const title = isStatus(status) ? STATUS_TEXT[status] : "Error";
  return new Response(JSON.stringify({ title, status, detail }) + "\n", {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

/** Calls the handler for the request's method, GET for HEAD too; 405 if there is none. */
export function forMethod(
  { method }: Request,
  handlers: Readonly<Record<string, () => Response | Promise<Response>>>,
): Response | Promise<Response> {
  const handler = handlers[method === "HEAD" ? "GET" : method];
  if (handler) return handler();
  const allow = ["HEAD", ...Object.keys(handlers)].join(", ");
  return problem(405, `This path accepts ${allow}: the method was ${method}`, { allow });
}

/** Creates the response to a CORS preflight request. */
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

/**
 * Lets pages of the request's origin read the response. Safe for any origin that reaches the API:
 * admission has refused all others.
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
