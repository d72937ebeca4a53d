import { isStatus, STATUS_TEXT } from "@std/http/status";
import { errorMessage } from "../../../cli/error_message.ts";
import { printable } from "../../../cli/printable.ts";
import type { CloseStatus } from "../../../websocket/close_frame.ts";
import { HandshakeError } from "../../../websocket/client_handshake.ts";

/** Why a connection could not be opened. */
export interface ConnectFailure {
  /** A short name. Connections that fail in the same way have the same cause. */
  readonly cause: string;
  /** A sentence that states what happened and what to check. */
  readonly advice: string;
}

/** The server did not respond to the handshake in time. */
export function handshakeTimeout(url: string, timeoutMs: number): ConnectFailure {
  return {
    cause: "handshake timeout",
    advice: `${url} did not respond to the handshake within ${timeoutMs} ms ` +
      "(--connect-timeout): check that it is a WebSocket server and not overloaded" +
      (url.startsWith("wss:") ? `, or try ${inOtherScheme(url)} in --url` : ""),
  };
}

/** The system did not find the addresses of the server's name in time. */
export function lookupTimeout(url: string, timeoutMs: number): ConnectFailure {
  return {
    cause: "name lookup timeout",
    advice: `The host of ${url} was not found within ${timeoutMs} ms (--connect-timeout): ` +
      "check the name servers of this machine, or use an address in --url",
  };
}

/** There is no way from a local address to the server. */
export function unreachableFrom(url: string, localAddress: string): ConnectFailure {
  return {
    cause: `cannot reach the server from ${localAddress}`,
    advice: `Cannot reach ${url} from ${localAddress}: choose another --local-address`,
  };
}

/** The server answered plain HTTP in TLS. */
export function needsTls(url: string): ConnectFailure {
  return {
    cause: "needs wss://",
    advice: `${url} speaks TLS: try ${inOtherScheme(url)} in --url`,
  };
}

/** The server chose another subprotocol than the users speak; "" if it chose none. */
export function otherProtocol(url: string, required: string, chosen: string): ConnectFailure {
  return {
    cause: `does not speak ${required}`,
    advice: `${url} did not choose the subprotocol ${required} but ` +
      `${chosen === "" ? "none" : printable(chosen)}: remove ${required} from --protocol`,
  };
}

/** Describes how the server or the network ended a connection. */
export function lossText({ code, reason }: CloseStatus): string {
  if (code === 1006) return `A connection was lost (${printable(reason || "no close frame")})`;
  return `The server closed a connection with ${code} ${printable(reason)}`.trimEnd();
}

/** Explains why an attempt failed. No error means that the server closed the connection. */
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
        `or try ${inOtherScheme(url)} in --url`,
    };
  }
  for (const [codes, cause, advice] of FAILURES) {
    if (codes.split(" ").includes(code)) return { cause, advice: advice(url) };
  }
  // The message may contain text from the server.
  const detail = printable(errorMessage(error));
  return {
    cause: error instanceof HandshakeError ? "not a WebSocket handshake" : detail,
    advice: `Cannot connect to ${url} (${detail}): check that it is a WebSocket server`,
  };
}

/** Failures by the error codes of the system. */
const FAILURES: readonly [codes: string, cause: string, advice: (url: string) => string][] = [
  [
    "ECONNREFUSED EHOSTUNREACH ENETUNREACH ETIMEDOUT",
    "cannot reach the server",
    (url) =>
      `Cannot reach ${url}: start the server with \`deno task server\`, ` +
      "or choose another with --url",
  ],
  [
    "ENOTFOUND EAI_AGAIN",
    "unknown host",
    (url) => `The host of ${url} was not found: check the host name in --url`,
  ],
  [
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "needs ws://",
    (url) => `${url} does not speak TLS: try ${inOtherScheme(url)} in --url`,
  ],
  [
    "EMFILE ENFILE",
    "no file descriptors left",
    () =>
      "This machine has no file descriptors left for another connection: raise `ulimit -n`, " +
      "or lower --count",
  ],
  [
    // Deno 2.9.6 reports EINVAL in place of EADDRNOTAVAIL, and EADDRINUSE with a local address.
    "EADDRNOTAVAIL EINVAL EADDRINUSE",
    "no ports left",
    () =>
      "This machine has no ports left for another connection to that address: " +
      "add source addresses with --local-address, or lower --count",
  ],
];

/** The URL with `ws:` in place of `wss:`, or the reverse. */
function inOtherScheme(url: string): string {
  return url.startsWith("wss:") ? url.replace("wss:", "ws:") : url.replace("ws:", "wss:");
}

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
      (ADVICE_BY_STATUS[status] ?? "check that --url names a WebSocket server") +
      // Many servers answer plain HTTP on a TLS port with 400.
      (status === 400 && url.startsWith("ws:") ? `, or try ${inOtherScheme(url)} in --url` : ""),
  };
}
