import type { JoinRequest } from "../../chat/chat.ts";
import { servePage } from "../page/page.ts";
import { type Decision, type IncomingRequest, isRoomsPath } from "./admission.ts";
import { problem } from "./api_response.ts";

/** The sender of a request. */
export interface Client {
  /** Its address and port, such as `127.0.0.1:50000`. */
  readonly address: string;
}

/** What {@linkcode createHandler} needs from the composition root. */
export interface RoutesOptions {
  readonly admit: (request: IncomingRequest) => Decision;
  /** Undefined if the gateway passes all admitted upgrades to the direct engine. */
  readonly serveEngine: {
    upgrade(request: Request, client: Client, joinRequest: JoinRequest): Response;
  } | undefined;
  readonly roomsApi: {
    handle(request: Request, url: URL, client: Client): Promise<Response>;
  };
  /** Finds the sender of a request; undefined if the request did not come through the gateway. */
  readonly clientOf: (info: Deno.ServeHandlerInfo) => Client | undefined;
}

/** Creates the handler that `Deno.serve` calls for every HTTP request. */
export function createHandler(
  { admit, serveEngine, roomsApi, clientOf }: RoutesOptions,
): Deno.ServeHandler {
  return (request, info) => {
    const client = clientOf(info);
    if (client === undefined) {
      return text(403, "This port is internal to the server", { connection: "close" });
    }
    const { method, headers } = request;
    const url = URL.parse(request.url);
    if (!url) return text(400, `Host must be a host name: it was ${headers.get("host")}`);
    const path = url.pathname;
    const { search, host } = url;
    const decision = admit({ method, path, query: search.slice(1), host, headers });
    switch (decision.kind) {
      case "chat":
        // Without the serve engine, the gateway has refused this upgrade: the server was full a
        // moment ago.
        return serveEngine?.upgrade(request, client, decision.joinRequest) ??
          text(503, "The chat was full: try again", { "retry-after": "1" });
      case "page":
        return servePage(path, headers);
      case "health":
        return text(200, "ok");
      case "rooms":
        return roomsApi.handle(request, url, client);
      case "refusal": {
        const respond = isRoomsPath(path) ? problem : text;
        return respond(decision.status, decision.message, decision.headers);
      }
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
