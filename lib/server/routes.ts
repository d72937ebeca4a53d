import { checkHandshake, isUpgrade } from "../websocket/handshake.ts";
import { isOriginAllowed, type OriginPolicy } from "./origin.ts";
import { isPagePath, servePage } from "./page.ts";

/** What the routes need from the composition root. */
export interface RoutesOptions {
  readonly originPolicy: OriginPolicy;
  /** Makes a request that has passed every check a member of the chat. `address` is the client's. */
  readonly upgrade: (request: Request, address: string) => Response;
  /** Whether the server is stopping, and takes nobody in any more. */
  readonly isDraining: () => boolean;
}

/**
 * Makes the handler of every HTTP request: page, health and upgrades.
 *
 * | path             | answer                                                            |
 * | ---------------- | ----------------------------------------------------------------- |
 * | `/ws`            | an upgrade to the chat; 426 to anything else                      |
 * | `/`              | an upgrade to the chat; the page to anything else                 |
 * | the page's files | 200, or 304 for a copy that is still good                         |
 * | `/healthz`       | 200                                                               |
 * | any other        | 404                                                               |
 */
export function createHandler(
  { originPolicy, upgrade, isDraining }: RoutesOptions,
): Deno.ServeHandler {
  return (request, info) => {
    const { method, headers } = request;
    const path = new URL(request.url).pathname;
    if (!isOriginAllowed(headers, originPolicy)) {
      return text(
        403,
        `Pages of ${headers.get("origin")} may not use this server: --allow-origin lets them in`,
      );
    }
    if (isDraining()) {
      return text(503, "The server is stopping: try again later", {
        "retry-after": "1",
        connection: "close",
      });
    }
    if (path === "/ws" || (path === "/" && isUpgrade(headers))) {
      const fault = checkHandshake(request);
      return fault
        ? text(fault.status, fault.message, fault.headers)
        : upgrade(request, addressOf(info));
    }
    if (path !== "/healthz" && !isPagePath(path)) {
      return text(
        404,
        "There is nothing here: / is the chat page, /ws the WebSocket, /healthz the health check",
      );
    }
    if (method !== "GET" && method !== "HEAD") {
      return text(405, `This address answers GET and HEAD: the method was ${method}`, {
        allow: "GET, HEAD",
      });
    }
    return path === "/healthz" ? text(200, "ok") : servePage(path, headers);
  };
}

function addressOf({ remoteAddr }: Deno.ServeHandlerInfo): string {
  const { hostname, port } = remoteAddr as Deno.NetAddr;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function text(status: number, body: string, headers: Record<string, string> = {}): Response {
  return new Response(`${body}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "x-content-type-options": "nosniff",
      ...headers,
    },
  });
}
