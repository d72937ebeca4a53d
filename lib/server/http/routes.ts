import type { JoinRequest } from "../../chat/join_request.ts";
import { CLIENT_LIBRARY_PATH, servePage } from "../page/page.ts";
import type { Decision, IncomingRequest } from "./admission.ts";
import { plainText, toResponse, withCors } from "./api_response.ts";
import type { Guard, Peer, Visitor } from "./guard.ts";
import { probeResponse, type ReadinessCheck } from "./probes.ts";
import {
  type ApiResult,
  isRefusal,
  type Refusal,
  refusal,
  refusalResponse,
  UNAVAILABLE,
} from "./refusal.ts";
import { givenRequestId, REQUEST_ID_HEADER, requestIdOf } from "./request_id.ts";
import type { ApiRequest } from "./rooms_api.ts";

/** What {@linkcode createHandler} needs from the composition root. */
export interface RoutesOptions {
  readonly admit: (request: IncomingRequest) => Decision;
  readonly guard: Pick<Guard, "enter" | "refuseConnection">;
  /** Undefined if the gateway passes all admitted upgrades to the direct engine. */
  readonly serveEngine: {
    upgrade(request: Request, visitor: Visitor, joinRequest: JoinRequest): Response;
  } | undefined;
  readonly roomsApi: {
    handle(request: ApiRequest): Promise<ApiResult>;
  };
  /** Undefined if admission lets no request for it pass. */
  readonly adminApi: {
    handle(request: ApiRequest): ApiResult | Promise<ApiResult>;
  } | undefined;
  /** Responds to `/metrics`, if this port serves it. */
  readonly metrics: { respond(): Promise<Response> };
  readonly readinessChecks: readonly ReadinessCheck[];
  /** Finds the peer of a request; undefined if the request did not come through the gateway. */
  readonly peerOf: (info: Deno.ServeHandlerInfo<Deno.NetAddr>) => Peer | undefined;
  /** Called when a request is refused. */
  readonly onRefused: (request: Pick<IncomingRequest, "path" | "headers">, why: Refusal) => void;
  /** Called with the reason when the server responds with 500. */
  readonly onFault: (error: unknown, requestId: string) => void;
}

/** Creates the handler that `Deno.serve` calls for every HTTP request. It never throws. */
export function createHandler(options: RoutesOptions): Deno.ServeHandler<Deno.NetAddr> {
  return async (request, info) => {
    const requestId = requestIdOf(request.headers);
    let response: Response;
    try {
      response = await respond({ request, info, requestId }, options);
    } catch (error) {
      options.onFault(error, requestId);
      const { method, url, headers } = request;
      const path = URL.parse(url)?.pathname ?? "";
      const fault = refusal(500, "The server failed to handle this request");
      response = toResponse(refusalResponse({ method, path, headers, requestId }, fault));
    }
    // A WebSocket has the id of its connection.
    if (response.status !== 101) response.headers.set(REQUEST_ID_HEADER, requestId);
    return response;
  };
}

/** The target of a request. */
interface Target {
  readonly url: URL;
  readonly host: string;
  /** The path as the client has sent it; that of the URL is normalised. */
  readonly path: string;
}

interface ReceivedRequest {
  readonly request: Request;
  readonly info: Deno.ServeHandlerInfo<Deno.NetAddr>;
  readonly requestId: string;
}

async function respond(
  { request, info, requestId }: ReceivedRequest,
  options: RoutesOptions,
): Promise<Response> {
  const { admit, guard, serveEngine, roomsApi, adminApi, metrics, peerOf } = options;
  const peer = peerOf(info);
  if (peer === undefined) {
    return text(403, "This port is internal to the server", { connection: "close" });
  }
  const { method, headers } = request;
  const target = parseTarget(request.url);
  if (!target) {
    return text(400, `The request's target and Host make no valid URL: ${request.url}`);
  }
  const { url, host, path } = target;
  const refused = (refusal: Refusal) => {
    options.onRefused({ path, headers }, refusal);
    return refusalResponse({ method, path, headers, requestId }, refusal);
  };
  const respondWith = (result: ApiResult) =>
    result instanceof Response ? result : toResponse(refused(result));
  const decide = () => admit({ method, host, path, query: url.search.slice(1), headers });
  const readmit = () => {
    const decision = decide();
    return isRefusal(decision) ? decision : undefined;
  };
  const api = { request, url, peer, requestId, readmit };
  const decision = decide();
  switch (decision.kind) {
    case "chat": {
      // Without the serve engine, the gateway has refused this upgrade a moment ago, and the reason
      // is over.
      if (!serveEngine) return respondWith(UNAVAILABLE.over);
      const { joinRequest } = decision;
      const guarded = { peer, headers, requestId: givenRequestId(headers) };
      const entered = await guard.enter(guarded, "join", joinRequest.roomName);
      if (isRefusal(entered)) return respondWith(entered);
      // The server may be full by now.
      const refusal = readmit() ?? guard.refuseConnection(entered);
      return refusal ? respondWith(refusal) : serveEngine.upgrade(request, entered, joinRequest);
    }
    case "page": {
      const response = await servePage({ path, host, headers });
      return path === CLIENT_LIBRARY_PATH ? withCors(request, response) : response;
    }
    case "health":
    case "readiness":
      return toResponse(probeResponse(decision.kind, options.readinessChecks));
    case "metrics":
      return metrics.respond();
    case "rooms":
      return withCors(request, respondWith(await roomsApi.handle(api)));
    case "admin":
      return respondWith(await adminApi!.handle(api));
    case "refusal":
      return respondWith(decision);
  }
}

/**
 * Parses the URL of a request. Deno puts it together from the target and the host. The host is that
 * of an absolute target, `:authority` in HTTP/2, or else the Host header.
 *
 * @returns Undefined if it is malformed, or has parts that no request may have: a user, a fragment,
 * or characters that must be percent-encoded.
 */
function parseTarget(text: string): Target | undefined {
  const url = /[^!-~]|#/.test(text) ? null : URL.parse(text);
  const [, host, path = "/"] = text.match(/^[^/]+:\/\/([^/?]*)(\/[^?]*)?/) ?? [];
  return url && host !== undefined && !/[@\\]/.test(host) ? { url, host, path } : undefined;
}

function text(...parts: Parameters<typeof plainText>): Response {
  return toResponse(plainText(...parts));
}
