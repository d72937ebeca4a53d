import type { JoinRequest } from "../../chat/chat.ts";
import { servePage } from "../page/page.ts";
import type { Decision, IncomingRequest } from "./admission.ts";
import { plainText, toResponse } from "./api_response.ts";
import { probeResponse, type ReadinessCheck } from "./probes.ts";
import { refusalResponse } from "./refusal.ts";

/** The sender of a request. */
export interface Client {
  /** Its address and port, such as `127.0.0.1:50000`. */
  readonly address: string;
  /** Called before its connection is reset, because it reads nothing. An event stream sets this. */
  onStalled?: () => void;
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
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Finds the sender of a request; undefined if the request did not come through the gateway. */
  readonly clientOf: (info: Deno.ServeHandlerInfo) => Client | undefined;
}

/** Creates the handler that `Deno.serve` calls for every HTTP request. */
export function createHandler(
  { admit, serveEngine, roomsApi, readinessChecks, clientOf }: RoutesOptions,
): Deno.ServeHandler {
  return (request, info) => {
    const client = clientOf(info);
    if (client === undefined) {
      return text(403, "This port is internal to the server", { connection: "close" });
    }
    const { method, headers } = request;
    const target = parseTarget(request.url);
    if (!target) {
      return text(400, `The request's target and Host make no valid URL: ${request.url}`);
    }
    const { url, host } = target;
    const path = url.pathname;
    const decision = admit({ method, host, path, query: url.search.slice(1), headers });
    switch (decision.kind) {
      case "chat":
        // Without the serve engine, the gateway has refused this upgrade: the server was full a
        // moment ago.
        return serveEngine?.upgrade(request, client, decision.joinRequest) ??
          text(503, "The chat was full: try again", { "retry-after": "1" });
      case "page":
        return servePage(path, headers);
      case "health":
      case "readiness":
        return toResponse(probeResponse(decision.kind, readinessChecks));
      case "rooms":
        return roomsApi.handle(request, url, client);
      case "refusal":
        return toResponse(refusalResponse({ method, path, headers }, decision));
    }
  };
}

/**
 * Parses the URL of a request. Deno puts it together from the target and the host. The host is that
 * of an absolute target, `:authority` in HTTP/2, or else the Host header.
 *
 * @returns Undefined if it is malformed, or has parts that no request may have: a user, a fragment,
 * or characters that must be percent-encoded.
 */
function parseTarget(text: string): { readonly url: URL; readonly host: string } | undefined {
  const url = /[^!-~]|#/.test(text) ? null : URL.parse(text);
  const host = text.match(/(?<=^[^/]+:\/\/)[^/?]*/)?.[0];
  return url && host !== undefined && !host.includes("@") ? { url, host } : undefined;
}

function text(...parts: Parameters<typeof plainText>): Response {
  return toResponse(plainText(...parts));
}
