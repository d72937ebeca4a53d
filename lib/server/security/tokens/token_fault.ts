import type { Limit } from "../../../chat/counters.ts";
import { CHALLENGE, type Refusal, type UnavailableCode } from "../../http/refusal.ts";

/** Why a token gives no access, and how to answer the request that has it. */
export class TokenFault implements Refusal {
  readonly status: number;
  /** What is wrong, in a sentence. It never contains the token. */
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly code?: UnavailableCode;
  readonly limit?: Limit;

  constructor(
    message: string,
    { status = 401, headers = challenge(message), code, limit }: {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly code?: UnavailableCode;
      readonly limit?: Limit;
    } = {},
  ) {
    this.status = status;
    this.message = message;
    this.headers = headers;
    if (code !== undefined) this.code = code;
    if (limit !== undefined) this.limit = limit;
  }
}

/** The request has no token, and needs one. */
export function missingToken(cookieName: string): TokenFault {
  const cookie = cookieName === "" ? "" : `, or the cookie ${cookieName}`;
  const message = "This server needs a token: send `Authorization: Bearer TOKEN`, or offer the " +
    `WebSocket subprotocols chorus.v1 and chorus.token.TOKEN${cookie}`;
  // RFC 6750 section 3.1: a request without a token gets no error code.
  return new TokenFault(message, { headers: { "www-authenticate": CHALLENGE } });
}

/** The request presents its token in a way that has no meaning (RFC 6750 section 3.1). */
export function invalidRequest(message: string): TokenFault {
  return new TokenFault(message, { status: 400, headers: challenge(message, "invalid_request") });
}

/** The token is longer than `--max-token-bytes`. */
export function tokenTooLong(maxTokenBytes: number): TokenFault {
  return new TokenFault(`A token must not exceed ${maxTokenBytes} bytes (--max-token-bytes)`, {
    status: 431,
    headers: {},
    limit: "token_size",
  });
}

/** The server has no keys, or not the newest ones, because it could not read them. */
export function keysUnavailable(): TokenFault {
  return new TokenFault("The server cannot fetch the keys that verify tokens: try again later", {
    status: 503,
    headers: { "retry-after": "10" },
    code: "keys_unavailable",
  });
}

function challenge(message: string, error = "invalid_token"): Readonly<Record<string, string>> {
  // RFC 6750 section 3 allows ASCII without quotes and backslashes.
  const description = message.replace(/["`]/g, "'").replace(/[^ -~]|\\/g, "?");
  return {
    "www-authenticate": `${CHALLENGE}, error="${error}", error_description="${description}"`,
  };
}
