import type { JoinRequest } from "../../chat/chat.ts";
import type { LimitHits } from "../../chat/limit_hits.ts";
import { servePage } from "../page/page.ts";
import type { Decision, IncomingRequest } from "./admission.ts";
import { plainText, toResponse } from "./api_response.ts";
import type { Guard, Peer, Visitor } from "./guard.ts";
import { isRefusal, type Refusal, refusalResponse } from "./refusal.ts";

/** What {@linkcode createHandler} needs from the composition root. */
export interface RoutesOptions {
  readonly admit: (request: IncomingRequest) => Decision;
  readonly guard: Pick<Guard, "enter" | "refuseConnection">;
  readonly limitHits: LimitHits;
  /** Undefined if the gateway passes all admitted upgrades to the direct engine. */
  readonly serveEngine: {
    upgrade(request: Request, visitor: Visitor, joinRequest: JoinRequest): Response;
  } | undefined;
  readonly roomsApi: {
    handle(request: Request, url: URL, peer: Peer): Promise<Response>;
  };
  /** Finds the peer of a request; undefined if the request did not come through the gateway. */
  readonly peerOf: (info: Deno.ServeHandlerInfo) => Peer | undefined;
}

/** Creates the handler that `Deno.serve` calls for every HTTP request. */
export function createHandler(
  { admit, guard, limitHits, serveEngine, roomsApi, peerOf }: RoutesOptions,
): Deno.ServeHandler {
  return (request, info) => {
    const peer = peerOf(info);
    if (peer === undefined) {
      return text(403, "This port is internal to the server", { connection: "close" });
    }
    const { method, headers } = request;
    const target = parseTarget(request.url);
    if (!target) {
      return text(400, `The request's target and Host make no valid URL: ${request.url}`);
    }
    const { url, host } = target;
    const path = url.pathname;
    const decide = () => admit({ method, host, path, query: url.search.slice(1), headers });
    const refuse = (refusal: Refusal) =>
      toResponse(refusalResponse({ method, path, headers }, refusal, limitHits));
    const upgrade = async (joinRequest: JoinRequest) => {
      // Without the serve engine, the gateway has refused this upgrade: the server was full a
      // moment ago.
      if (!serveEngine) return text(503, "The chat was full: try again", { "retry-after": "1" });
      const entered = await guard.enter({ peer, headers }, "join", joinRequest.roomName);
      if (isRefusal(entered)) return refuse(entered);
      // The server may be full by now.
      const decision = decide();
      if (decision.kind === "refusal") return refuse(decision);
      const refusal = guard.refuseConnection(entered);
      return refusal ? refuse(refusal) : serveEngine.upgrade(request, entered, joinRequest);
    };
    const decision = decide();
    switch (decision.kind) {
      case "chat":
        return upgrade(decision.joinRequest);
      case "page":
        return servePage(path, headers);
      case "health":
        return text(200, "ok");
      case "rooms":
        return roomsApi.handle(request, url, peer);
      case "refusal":
        return refuse(decision);
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
