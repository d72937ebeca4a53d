/** Why a request cannot become a WebSocket, as the HTTP answer to it. */
export interface HandshakeFault {
  readonly status: 400 | 405 | 426;
  /** What is wrong with the request, in a sentence. */
  readonly message: string;
  /** The headers that the status asks for. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the handshake rules look at. */
export interface HandshakeRequest {
  readonly method: string;
  readonly headers: Headers;
}

/** Whether a request asks to become a WebSocket; {@linkcode checkHandshake} tells whether it may. */
export function isUpgrade(headers: Headers): boolean {
  return hasToken(headers.get("upgrade"), "websocket");
}

/**
 * Checks the client's opening handshake (RFC 6455 section 4.2.1).
 *
 * @returns What is wrong with it, or undefined if it may be accepted.
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
      {
        upgrade: "websocket",
        connection: "Upgrade",
      },
    );
  }
  if (!hasToken(headers.get("connection"), "upgrade")) {
    return fault(400, "The request has no `Connection: Upgrade` header");
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

function fault(
  status: HandshakeFault["status"],
  message: string,
  headers: Record<string, string> = {},
): HandshakeFault {
  return { status, message, headers };
}

/** Whether a comma-separated header value has a token, in any case. */
function hasToken(value: string | null, token: string): boolean {
  return value?.split(",").some((each) => each.trim().toLowerCase() === token) ?? false;
}

/** 16 bytes in base64 are 22 characters and two of padding; the last character carries 4 bits of no meaning. */
function isKey(key: string): boolean {
  return /^[A-Za-z0-9+/]{21}[AQgw]==$/.test(key);
}
