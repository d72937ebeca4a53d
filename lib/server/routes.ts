import type { IncomingRequest, Verdict } from "./admission.ts";
import { servePage } from "./page.ts";

/** What the routes need from the composition root. */
export interface RoutesOptions {
  readonly admit: (request: IncomingRequest) => Verdict;
  /** Makes a request that has been admitted to the chat a member of it. `address` is the client's. */
  readonly upgrade: (request: Request, address: string) => Response;
  /** The client's address; undefined if the request did not come the way it should. */
  readonly addressOf: (info: Deno.ServeHandlerInfo) => string | undefined;
}

/** Makes the handler of every HTTP request that `Deno.serve` takes. */
export function createHandler({ admit, upgrade, addressOf }: RoutesOptions): Deno.ServeHandler {
  return (request, info) => {
    const address = addressOf(info);
    if (address === undefined) {
      return text(403, "This port is for the server's own front door", { connection: "close" });
    }
    const { method, headers } = request;
    const url = URL.parse(request.url);
    if (!url) return text(400, `Host must be a host name: it was ${headers.get("host")}`);
    const verdict = admit({ method, path: url.pathname, headers });
    switch (verdict.kind) {
      case "chat":
        return upgrade(request, address);
      case "page":
        return servePage(url.pathname, headers);
      case "health":
        return text(200, "ok");
      case "refusal":
        return text(verdict.status, verdict.message, verdict.headers);
    }
  };
}

function text(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${body}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
