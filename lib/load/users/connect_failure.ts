import { isStatus, STATUS_TEXT } from "@std/http/status";
import { errorMessage } from "../../cli/error_message.ts";
import { printable } from "../../cli/printable.ts";
import { HandshakeError } from "../../websocket/client_handshake.ts";

/** Why a connection could not be opened. */
export interface ConnectFailure {
  /** A short name. Connections that fail in the same way have the same cause. */
  readonly cause: string;
  /** A sentence that says what happened and what to check. */
  readonly advice: string;
}

/** The server did not answer the handshake in time. */
export function handshakeTimeout(url: string, timeoutMs: number): ConnectFailure {
  return {
    cause: "handshake timeout",
    advice: `${url} did not answer the handshake within ${timeoutMs} ms (--connect-timeout): ` +
      "check that it is a WebSocket server and not overloaded",
  };
}

/**
 * Explains a failed attempt to connect.
 *
 * @param error What ended the attempt; undefined if the server closed the connection.
 */
export function connectFailure(url: string, error: unknown): ConnectFailure {
  if (error instanceof HandshakeError && error.status !== undefined) {
    return refusal(url, error.status);
  }
  const code = (error as { code?: string } | undefined)?.code ?? "";
  if (error === undefined || code === "ECONNRESET") {
    return {
      cause: "closed during the handshake",
      advice:
        `${url} closed the connection during the handshake: check that it speaks WebSocket, ` +
        "and whether it needs wss://",
    };
  }
  const explain = EXPLAIN_BY_CODE[code];
  if (explain) return explain(url);
  // The message may contain text from the server.
  const detail = printable(errorMessage(error));
  if (/certificate/i.test(detail) || /CERT/.test(code)) {
    return {
      cause: "certificate not trusted",
      advice:
        `The certificate of ${url} is not trusted (${detail}): add its issuer with --cacert, ` +
        "or accept any certificate with --insecure",
    };
  }
  return {
    cause: error instanceof HandshakeError ? "not a WebSocket handshake" : detail,
    advice: `Cannot connect to ${url} (${detail}): check that it is a WebSocket server`,
  };
}

const UNREACHABLE = (url: string): ConnectFailure => ({
  cause: "cannot reach the server",
  advice:
    `Cannot reach ${url}: start the server with \`deno task server\`, or choose another with --url`,
});

const UNKNOWN_HOST = (url: string): ConnectFailure => ({
  cause: "unknown host",
  advice: `The host of ${url} was not found: check the host name in --url`,
});

const NO_DESCRIPTORS = (): ConnectFailure => ({
  cause: "no file descriptors left",
  advice: "This machine has no file descriptors left for another connection: raise `ulimit -n`, " +
    "or lower --count",
});

const NO_PORTS = (): ConnectFailure => ({
  cause: "no ports left",
  advice: "This machine has no ports left for another connection to that address: lower --count",
});

const EXPLAIN_BY_CODE: Readonly<Record<string, (url: string) => ConnectFailure>> = {
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ETIMEDOUT: UNREACHABLE,
  ENOTFOUND: UNKNOWN_HOST,
  EAI_AGAIN: UNKNOWN_HOST,
  EMFILE: NO_DESCRIPTORS,
  ENFILE: NO_DESCRIPTORS,
  EADDRNOTAVAIL: NO_PORTS,
};

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "it requires credentials; see --token and --header",
  403: "it rejects this client; check --origin and --token",
  404: "check the path in --url; Chorus serves /ws",
  429: "it limits how often a client may connect; try again later, or lower --connect-rate",
  503: "it is full or stopping; try again later",
};

function refusal(url: string, status: number): ConnectFailure {
  const name = isStatus(status) ? ` ${STATUS_TEXT[status]}` : "";
  return {
    cause: `HTTP ${status}`,
    advice: `${url} refused the handshake with HTTP ${status}${name}: ` +
      (ADVICE_BY_STATUS[status] ?? "check that --url names a WebSocket server"),
  };
}
