import { isStatus, STATUS_TEXT } from "@std/http/status";
import { printable } from "../../cli/printable.ts";
import { HandshakeError } from "../../websocket/client_handshake.ts";

/** Why a connection could not be opened. */
export interface ConnectFailure {
  /** A short name for it, the same for every connection that fails alike. */
  readonly cause: string;
  /** What happened and what to check, in a sentence. */
  readonly advice: string;
}

/** The failure of a server that has not answered the handshake in time. */
export function handshakeTimeout(url: string, timeoutMs: number): ConnectFailure {
  return {
    cause: "handshake timeout",
    advice: `${url} did not answer the handshake within ${timeoutMs} ms (--connect-timeout): ` +
      "check that it is a WebSocket server and not overloaded",
  };
}

/** Explains what has ended an attempt to connect; undefined if the server just ended the connection. */
export function connectFailure(url: string, error: unknown): ConnectFailure {
  if (error instanceof HandshakeError && error.status !== undefined) {
    return refusal(url, error.status);
  }
  const code = (error as { code?: string } | undefined)?.code ?? "";
  if (error === undefined || code === "ECONNRESET") {
    return {
      cause: "closed during the handshake",
      advice:
        `${url} closed the connection during the handshake: check that it speaks WebSocket, and whether it wants wss://`,
    };
  }
  const explain = EXPLAIN_BY_CODE[code];
  if (explain) return explain(url);
  // Some of it may be the server's own words.
  const detail = printable(error instanceof Error ? error.message : String(error));
  if (/certificate/i.test(detail) || /CERT/.test(code)) {
    return {
      cause: "certificate not trusted",
      advice:
        `The certificate of ${url} is not trusted (${detail}): name its issuer with --cacert, or take any with --insecure`,
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
    `Cannot reach ${url}: start the server with \`deno task server\`, or name another with --url`,
});

const UNKNOWN_HOST = (url: string): ConnectFailure => ({
  cause: "unknown host",
  advice: `The host of ${url} cannot be found: check its name in --url`,
});

const NO_DESCRIPTORS = (): ConnectFailure => ({
  cause: "no file descriptors left",
  advice:
    "This machine has no file descriptors left for another connection: raise `ulimit -n`, or lower --count",
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
  401: "it wants credentials",
  403: "it does not let this client in",
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
