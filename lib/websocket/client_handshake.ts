import { acceptKey, hasToken } from "./handshake.ts";
import { type HttpHead, parseHead } from "./http_head.ts";

/** The server did not complete the handshake. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
  /** The HTTP status, if the server refused the handshake with one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** The message for an answer that is not HTTP. */
export const NOT_HTTP = "The server does not answer in HTTP";

/** What a client asks for, besides the URL. */
export interface ClientHandshakeOptions {
  /** The subprotocols to offer, in order of preference. */
  readonly protocols?: readonly string[];
  /** Headers to add to those of the handshake. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** One opening handshake, on the client's side (RFC 6455 section 4.1). */
export class ClientHandshake {
  /** The request to send. */
  readonly request: Uint8Array<ArrayBuffer>;
  readonly #key: string;
  readonly #protocols: readonly string[];

  constructor(url: URL, { protocols = [], headers = {} }: ClientHandshakeOptions = {}) {
    this.#key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
    this.#protocols = protocols;
    const fields = {
      Host: url.host,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": this.#key,
      "Sec-WebSocket-Version": "13",
      ...(protocols.length > 0 ? { "Sec-WebSocket-Protocol": protocols.join(", ") } : {}),
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    this.request = new TextEncoder().encode(
      `GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`,
    );
  }

  /**
   * Completes the handshake.
   *
   * @param headBytes The head of the server's answer.
   * @returns The subprotocol that the server chose; "" if it chose none.
   * @throws {HandshakeError} If the server did not accept the handshake, or broke its rules.
   */
  complete(headBytes: Uint8Array): string {
    const head = parseHead(headBytes);
    if (!head) throw new HandshakeError(NOT_HTTP);
    return checkResponse(head, this.#key, this.#protocols);
  }
}

/** Checks the six rules for a response in section 4.1. @returns The subprotocol. */
function checkResponse(
  { start: [version, status], headers }: HttpHead,
  key: string,
  protocols: readonly string[],
): string {
  if (status !== "101" && version.startsWith("HTTP/1.")) {
    throw new HandshakeError(
      `The server refused the handshake with HTTP ${status}`,
      Number(status),
    );
  }
  if (!version.startsWith("HTTP/1.1")) {
    throw new HandshakeError(`The server does not speak HTTP/1.1: ${version}`);
  }
  if (!hasToken(headers.get("upgrade"), "websocket")) {
    throw new HandshakeError("The response has no `Upgrade: websocket` header");
  }
  if (!hasToken(headers.get("connection"), "upgrade")) {
    throw new HandshakeError("The response has no `Connection: Upgrade` header");
  }
  if (headers.get("sec-websocket-accept") !== acceptKey(key)) {
    throw new HandshakeError("The response has a wrong Sec-WebSocket-Accept header");
  }
  const extensions = headers.get("sec-websocket-extensions");
  if (extensions) {
    throw new HandshakeError(`The server uses an extension that was not offered: ${extensions}`);
  }
  const protocol = headers.get("sec-websocket-protocol") ?? "";
  if (protocol !== "" && !protocols.includes(protocol)) {
    throw new HandshakeError(`The server uses a subprotocol that was not offered: ${protocol}`);
  }
  return protocol;
}
