import { type Decision, type IncomingRequest, isRoomsPath } from "../admission.ts";
import type { JoinRequest } from "../../chat/chat.ts";
import { servePage } from "../page/page.ts";
import { problem } from "./problem.ts";
import type { RoomsApi } from "./rooms_api.ts";

/** Who has sent a request. */
export interface Client {
  readonly address: string;
  /** Ends its TCP connection; undefined where only Deno could. */
  readonly end?: () => void;
}

/** What the routes need from the composition root. */
export interface RoutesOptions {
  readonly admit: (request: IncomingRequest) => Decision;
  /** Makes a request that has been admitted to the chat a member of it. */
  readonly upgrade: (request: Request, client: Client, joinRequest: JoinRequest) => Response;
  readonly roomsApi: Pick<RoomsApi, "handle">;
  /** Who has sent a request; undefined if it did not come the way it should. */
  readonly clientAt: (info: Deno.ServeHandlerInfo) => Client | undefined;
}

/** Makes the handler of every HTTP request that `Deno.serve` takes. */
export function createHandler(
  { admit, upgrade, roomsApi, clientAt }: RoutesOptions,
): Deno.ServeHandler {
  return (request, info) => {
    const client = clientAt(info);
    if (client === undefined) {
      return text(403, "This port is for the server's own front door", { connection: "close" });
    }
    const { method, headers } = request;
    const url = URL.parse(request.url);
    if (!url) return text(400, `Host must be a host name: it was ${headers.get("host")}`);
    const decision = admit({
      method,
      path: url.pathname,
      query: url.search.slice(1),
      headers,
    });
    switch (decision.kind) {
      case "chat":
        return upgrade(request, client, decision.joinRequest);
      case "page":
        return servePage(url.pathname, headers);
      case "health":
        return text(200, "ok");
      case "rooms":
        return roomsApi.handle(request, url, client);
      case "refusal":
        return (isRoomsPath(url.pathname) ? problem : text)(
          decision.status,
          decision.message,
          decision.headers,
        );
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
