import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import { setTimeout } from "node:timers";
import type { Target } from "../users/connection/connect.ts";
import { connectForHttp } from "../users/http/http_connection.ts";

/** How to send a {@linkcode httpGet}. */
export interface HttpGetOptions {
  /** The server. Its headers are not sent. */
  readonly target: Target;
  readonly headers: Readonly<Record<string, string>>;
  /** How long the server may be silent. */
  readonly timeoutMs: number;
  /** Ends the request. */
  readonly signal: AbortSignal;
}

/** The answer to a {@linkcode httpGet}. */
export interface HttpAnswer {
  readonly status: number;
  /** The value of the `Link` header; empty if there is none. */
  readonly link: string;
  readonly body: string;
}

/**
 * Gets a resource of the target over HTTP or HTTPS, on a connection of its own.
 *
 * @throws If the server cannot be reached, does not answer in time, or the signal aborts.
 */
export function httpGet(url: URL, options: HttpGetOptions): Promise<HttpAnswer> {
  const { target, headers, timeoutMs, signal } = options;
  if (signal.aborted) return Promise.reject(interruption());
  const answer = Promise.withResolvers<HttpAnswer>();
  const request = httpRequest({
    path: url.pathname + url.search,
    headers: { host: url.host, ...headers },
    createConnection: () => connectForHttp(target, 0),
  });
  const timer = setTimeout(() => {
    request.destroy(new Error(`The server did not answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const abort = () => void request.destroy(interruption());
  signal.addEventListener("abort", abort);
  const end = (result: HttpAnswer | Promise<HttpAnswer>) => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
    answer.resolve(result);
  };
  request.on("error", (error) => end(Promise.reject(error)));
  request.on("response", (response) => {
    const chunks: Uint8Array[] = [];
    response.on("data", (chunk: Uint8Array) => {
      timer.refresh();
      chunks.push(chunk);
    });
    response.on("error", (error) => end(Promise.reject(error)));
    response.on("end", () => {
      const { statusCode = 0, headers: { link = "" } } = response;
      end({ status: statusCode, link: String(link), body: Buffer.concat(chunks).toString() });
    });
  });
  request.end();
  return answer.promise;
}

function interruption(): Error {
  return new Error("the run was interrupted");
}
