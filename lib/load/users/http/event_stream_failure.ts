import { isStatus, STATUS_TEXT } from "@std/http/status";
import { printable } from "../../../cli/printable.ts";
import { type ConnectFailure, connectFailure, needsTls } from "../connection/connect_failure.ts";
import { roomUrlPattern } from "./room_url.ts";

/** The first byte of a TLS alert, with which a server may answer plain HTTP (RFC 8446, 5.1). */
const TLS_ALERT = 0x15;

/** What `node:http` reports. */
interface HttpError {
  readonly code?: string;
  /** What the server sent instead of HTTP. */
  readonly rawPacket?: Uint8Array;
}

/** Explains why a request for events failed. `url` is that of the WebSockets. */
export function eventStreamFailure(url: string, error: unknown): ConnectFailure {
  const { code = "", rawPacket } = error as HttpError;
  const events = roomUrlPattern(url, "events");
  if (code.startsWith("HPE_")) {
    if (rawPacket?.[0] === TLS_ALERT) return needsTls(url);
    return {
      cause: "not HTTP",
      advice: `${events} does not answer in HTTP: check the host and port in --url`,
    };
  }
  if (code === "ECONNRESET") {
    return {
      cause: "closed before an answer",
      advice: `${events} closed the connection without an answer: check that it speaks HTTP, ` +
        "and that the scheme of --url is right",
    };
  }
  return connectFailure(url, error);
}

/** The server did not answer a request for events in time. */
export function eventStreamTimeout(url: string, timeoutMs: number): ConnectFailure {
  return {
    cause: "no event stream in time",
    advice: `${roomUrlPattern(url, "events")} did not answer within ${timeoutMs} ms ` +
      "(--connect-timeout): check that it serves events and is not overloaded",
  };
}

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "it requires credentials; see --token and --header",
  403: "it rejects this client; check --origin and --token",
  404: "it has no events there; check the host and path in --url, or leave out --sse",
  429: "it limits how often a client may connect; try again later, or lower --connect-rate",
  503: "it is full or stopping; try again later",
};

/**
 * Explains why an answer is no event stream.
 *
 * @returns undefined if it is one.
 */
export function eventStreamRefusal(
  url: string,
  status: number,
  contentType: string,
): ConnectFailure | undefined {
  const events = roomUrlPattern(url, "events");
  if (status !== 200) {
    const name = isStatus(status) ? ` ${STATUS_TEXT[status]}` : "";
    return {
      cause: `HTTP ${status}`,
      advice: `${events} refused the request with HTTP ${status}${name}: ` +
        (ADVICE_BY_STATUS[status] ?? "check that the server serves events there"),
    };
  }
  if (/^text\/event-stream\s*(;|$)/i.test(contentType)) return undefined;
  return {
    cause: "not an event stream",
    advice: `${events} answered with ${printable(contentType) || "no Content-Type"} instead of ` +
      "text/event-stream: check that the server serves events there",
  };
}
