import { hash } from "node:crypto";
import { type FieldMap, trimSpaces } from "./http_head.ts";

/** Why a request cannot become a WebSocket, as the HTTP answer to it. */
export interface HandshakeFault {
  readonly status: 400 | 405 | 426;
  /** What is wrong with the request, in a sentence. */
  readonly message: string;
  /** The headers that the status requires. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The part of a request that {@linkcode checkHandshake} needs. */
export interface HandshakeRequest {
  readonly method: string;
  readonly headers: FieldMap;
}

/** Returns true if a request asks for a WebSocket, whether or not its handshake is valid. */
export function isUpgrade(headers: FieldMap): boolean {
  return hasToken(headers.get("upgrade"), "websocket");
}

/**
 * Checks the client's opening handshake (RFC 6455 section 4.2.1). A repeated header is a fault,
 * like a missing one.
 *
 * @returns The fault; undefined if the handshake is valid.
 */
export function checkHandshake({ method, headers }: HandshakeRequest): HandshakeFault | undefined {
  if (method !== "GET") {
    return fault(405, `A WebSocket handshake is a GET request: the method was ${method}`, {
      allow: "GET",
    });
  }
  if (!isUpgrade(headers)) {
    return fault(
      426,
      "This address speaks WebSocket: the request has no `Upgrade: websocket` header",
      { upgrade: "websocket", connection: "Upgrade" },
    );
  }
  if (!hasToken(headers.get("connection"), "upgrade")) {
    return fault(400, "The request has no `Connection: Upgrade` header");
  }
  const host = headers.get("host");
  if (!host || host.includes(",")) {
    return fault(400, `The request needs exactly one Host header: it was ${host || "missing"}`);
  }
  if (headers.get("transfer-encoding") !== null || (headers.get("content-length") ?? "0") !== "0") {
    return fault(400, "A WebSocket handshake has no body");
  }
  const version = headers.get("sec-websocket-version");
  if (version !== "13") {
    return fault(426, `Sec-WebSocket-Version must be 13: it was ${version ?? "missing"}`, {
      "sec-websocket-version": "13",
    });
  }
  const key = headers.get("sec-websocket-key");
  if (key === null || !isKey(key)) {
    return fault(400, `Sec-WebSocket-Key must be 16 bytes in base64: it was ${key ?? "missing"}`);
  }
  return undefined;
}

/**
 * Encodes the answer of a server that accepts the handshake (RFC 6455 section 4.2.2).
 *
 * @param key The client's Sec-WebSocket-Key.
 * @param protocol The subprotocol that the server has chosen from those that the client offered.
 */
export function handshakeResponse(key: string, protocol?: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${acceptKey(key)}\r\n` +
      (protocol === undefined ? "\r\n" : `Sec-WebSocket-Protocol: ${protocol}\r\n\r\n`),
  );
}

/** Returns the Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 section 4.2.2, item 5.4). */
export function acceptKey(key: string): string {
  return hash("sha1", `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, "base64");
}

/**
 * Returns true if a comma-separated header value contains a token, in any case.
 *
 * @param token In lower case.
 */
export function hasToken(value: string | null, token: string): boolean {
  return value?.toLowerCase() === token ||
    membersOf(value).some((each) => each.toLowerCase() === token);
}

/**
 * Splits a header value at its commas (RFC 9110 section 5.6.1). Compare subprotocols with these
 * members: unlike other tokens, they are case-sensitive.
 */
export function membersOf(value: string | null): readonly string[] {
  return value?.split(",").map(trimSpaces) ?? [];
}

function fault(
  status: HandshakeFault["status"],
  message: string,
  headers: Record<string, string> = {},
): HandshakeFault {
  return { status, message, headers };
}

const encoder = new TextEncoder();

/** 16 bytes in base64 are 22 characters and two of padding. The last four bits must be zero. */
function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key);
}
