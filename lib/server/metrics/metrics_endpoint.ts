import type { Logger } from "@logtape/logtape";
import { formatAddress, parseAddress } from "../address.ts";
import { plainText, toResponse } from "../http/api_response.ts";
import { type AllowedOrigin, OriginCheck } from "../security/origin.ts";
import { HttpServer } from "../http_server.ts";
import { LoopLag } from "./loop_lag.ts";
import { Metrics, type MetricsSources } from "./metrics.ts";

/** What a {@linkcode MetricsEndpoint} needs besides the sources. */
export interface MetricsEndpointOptions {
  /** The value of `--metrics-listen`; "" to serve the metrics on the main port. */
  readonly metricsListen: string;
  readonly allowOrigin: readonly AllowedOrigin[];
  readonly logger: Logger;
}

/** Serves `/metrics`: on an address of its own, or through the handler of the main port. */
export class MetricsEndpoint implements AsyncDisposable {
  readonly #metrics: Metrics;
  readonly #loopLag: LoopLag;
  #server: HttpServer | undefined;

  private constructor(metrics: Metrics, loopLag: LoopLag) {
    this.#metrics = metrics;
    this.#loopLag = loopLag;
  }

  /**
   * Starts to measure, and to listen if the metrics have an address of their own.
   *
   * @throws {ListenError} If it cannot listen.
   */
  static async open(
    sources: MetricsSources,
    options: MetricsEndpointOptions,
  ): Promise<MetricsEndpoint> {
    const { metricsListen } = options;
    const loopLag = new LoopLag();
    const endpoint = new MetricsEndpoint(new Metrics(sources, loopLag.seconds), loopLag);
    if (metricsListen !== "") await endpoint.#listen(parseAddress(metricsListen)!, options);
    loopLag.start();
    return endpoint;
  }

  /** Where the metrics are served; undefined if that is the main port. */
  get url(): URL | undefined {
    return this.#server && new URL(`http://${formatAddress(this.#server.addr)}/metrics`);
  }

  /** Responds with all metrics. */
  async respond(): Promise<Response> {
    return new Response(await this.#metrics.scrape(), {
      headers: {
        "content-type": this.#metrics.contentType,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#loopLag[Symbol.dispose]();
    await this.#server?.shutdown();
  }

  async #listen(
    address: Pick<Deno.NetAddr, "hostname" | "port">,
    { allowOrigin, logger }: MetricsEndpointOptions,
  ): Promise<void> {
    const server = await HttpServer.open({
      address,
      handler: (request) => this.#handle(request, originCheck),
      flags: { hostname: "--metrics-listen", port: "--metrics-listen" },
      logger,
    });
    this.#server = server;
    const originCheck = new OriginCheck({
      boundTo: server.addr.hostname,
      hostname: address.hostname,
      allowOrigin,
    });
    logger.info("Serving metrics on {url}", { url: this.url!.href });
  }

  #handle(request: Request, originCheck: OriginCheck): Response | Promise<Response> {
    const { method, headers } = request;
    // Deno puts the URL together from the target and the Host header, which may be malformed.
    const url = URL.parse(request.url);
    if (!url) return toResponse(plainText(400, "The target and Host make no valid URL"));
    const refused = originCheck.refused({ host: url.host, headers });
    if (refused !== undefined) return toResponse(plainText(403, refused));
    if (url.pathname !== "/metrics") {
      return toResponse(plainText(404, "Not found: this address has only /metrics"));
    }
    if (method !== "GET" && method !== "HEAD") {
      const text = `This path accepts GET and HEAD: the method was ${method}`;
      return toResponse(plainText(405, text, { allow: "GET, HEAD" }));
    }
    return this.respond();
  }
}
