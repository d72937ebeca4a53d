import { Buffer } from "node:buffer";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout } from "node:timers";

/** How to send a {@linkcode httpGet}. */
export interface HttpGetOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Certificates in PEM to trust instead of the system's; undefined trusts the system's. */
  readonly caCerts: string | undefined;
  /** Whether to trust every certificate. */
  readonly isInsecure: boolean;
  /** How long the server may be silent. */
  readonly timeoutMs: number;
}

/** The answer to a {@linkcode httpGet}. */
export interface HttpAnswer {
  readonly status: number;
  /** The value of the `Link` header; empty if there is none. */
  readonly link: string;
  readonly body: string;
}

/**
 * Gets a resource over HTTP or HTTPS. Unlike `fetch()`, it can trust every certificate.
 *
 * @throws If the server cannot be reached, or does not answer in time.
 */
export function httpGet(url: URL, options: HttpGetOptions): Promise<HttpAnswer> {
  const { headers, caCerts, isInsecure, timeoutMs } = options;
  const answer = Promise.withResolvers<HttpAnswer>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    // A connection of its own: none is left open at the end.
    agent: false,
    headers,
    rejectUnauthorized: !isInsecure,
    ...(caCerts === undefined ? {} : { ca: caCerts }),
  });
  const timer = setTimeout(() => {
    request.destroy(new Error(`The server did not answer within ${timeoutMs} ms`));
  }, timeoutMs);
  const end = (result: HttpAnswer | Promise<HttpAnswer>) => {
    clearTimeout(timer);
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
