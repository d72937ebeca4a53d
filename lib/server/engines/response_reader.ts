import { hasToken } from "../../websocket/handshake.ts";
import { HeadReader, parseHead } from "../../websocket/http_head.ts";
import { BodyFraming } from "./body_framing.ts";
import type { RequestHead } from "./request_head.ts";

/** The maximum size of a response's head. The server's own heads are much smaller. */
const MAX_HEAD_BYTES = 64 * 1024;

/**
 * Follows the response of the private `Deno.serve` to one request (RFC 9112 section 6.3). The
 * response to the preface of HTTP/2 is the rest of the connection.
 */
export class ResponseReader {
  readonly #method: string;
  #head = new HeadReader(MAX_HEAD_BYTES);
  #body: BodyFraming | undefined;
  /** Whether the connection ends after this response. Known once the head is whole. */
  isLast = false;
  /** Whether this is a stream of server-sent events, which has no end of its own. */
  isEventStream = false;

  constructor({ method, version }: Pick<RequestHead, "method" | "version">) {
    this.#method = method;
    if (version === "HTTP/2.0") this.#body = new BodyFraming(Infinity);
  }

  /** Whether any bytes have come, apart from interim responses such as 100. */
  get hasBegun(): boolean {
    return this.#body !== undefined || this.#head.bytes.length > 0;
  }

  get isWhole(): boolean {
    return this.#body?.isWhole === true;
  }

  /**
   * Takes the next bytes.
   *
   * @throws {SyntaxError} If the response is malformed, or bytes follow it.
   * @throws {HeadTooLongError} If its head is too long.
   */
  read(bytes: Uint8Array): void {
    let left = bytes;
    while (!this.#body) {
      const parts = this.#head.push(left);
      if (!parts) return;
      this.#readHead(parts.head);
      left = parts.rest;
    }
    if (this.#body.read(left) < left.length) throw new SyntaxError("Bytes follow the response");
  }

  #readHead(bytes: Uint8Array): void {
    const head = parseHead(bytes);
    const [version, status] = head?.start ?? [];
    if (!head || status === "101") throw new SyntaxError("The head of the response is malformed");
    this.#head = new HeadReader(MAX_HEAD_BYTES);
    if (status!.startsWith("1")) return;
    const { headers } = head;
    const connection = headers.get("connection");
    this.isLast = version === "HTTP/1.0"
      ? !hasToken(connection, "keep-alive")
      : hasToken(connection, "close");
    this.isEventStream = headers.get("content-type")?.startsWith("text/event-stream") ?? false;
    const hasNoBody = this.#method === "HEAD" || status === "204" || status === "304";
    const length = headers.get("transfer-encoding") === null
      ? Number(headers.get("content-length") ?? Infinity)
      : "chunked";
    this.#body = new BodyFraming(hasNoBody ? 0 : length);
  }
}
