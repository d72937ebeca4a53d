import { isStatus, STATUS_TEXT } from "@std/http/status";

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

/** Reads the failure out of what Deno's WebSocket says of it. */
export function connectFailure(url: string, message: string): ConnectFailure {
  const detail = message.replace(/^.*failed to connect to WebSocket: /, "");
  const status = Number(detail.match(/^Invalid status code: (\d+)/)?.[1]);
  if (status) return refusal(url, status);
  if (detail.startsWith("tcp connect error")) {
    return {
      cause: "cannot reach the server",
      advice:
        `Cannot reach ${url}: start the server with \`deno task server\`, or name another with --url`,
    };
  }
  if (detail.startsWith("tcp open error")) {
    return {
      cause: "no file descriptors left",
      advice:
        "This machine has no file descriptors left for another connection: raise `ulimit -n`, or lower --count",
    };
  }
  if (detail.startsWith("dns error")) {
    return {
      cause: "unknown host",
      advice: `The host of ${url} cannot be found: check its name in --url`,
    };
  }
  if (detail.includes("closed before message completed")) {
    return {
      cause: "closed during the handshake",
      advice:
        `${url} closed the connection during the handshake: check that it speaks WebSocket, and whether it wants wss://`,
    };
  }
  return {
    cause: detail,
    advice: `Cannot connect to ${url} (${detail}): check that it is a WebSocket server`,
  };
}

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "it wants credentials",
  403: "it does not let this client in",
  404: "check the path in --url; Chorus serves /ws",
  429: "it limits how often a client may connect; try again later, or raise --stagger",
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
