import { isStatus, STATUS_TEXT } from "@std/http/status";
import { isCertificateError } from "../connection/certificate_failure.ts";
import { connectFailure } from "../connection/connect_failure.ts";
import { roomUrlPattern } from "./room_url.ts";

/** Why a message was not accepted. */
export interface PublishFailure {
  /** A short name. Messages that fail in the same way have the same reason. */
  readonly reason: string;
  /** A sentence that states what happened and what to check. */
  readonly advice: string;
  /** Whether the server may have published the message nevertheless. */
  readonly isPublished: "no" | "unknown";
}

/** Explains a status. @returns undefined if the server has accepted the message. */
export function publishRefusal(url: string, status: number): PublishFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const name = isStatus(status) ? ` ${STATUS_TEXT[status]}` : "";
  return {
    reason: `HTTP ${status}`,
    advice: `${roomUrlPattern(url, "messages")} refused a message with HTTP ${status}${name}: ` +
      (ADVICE_BY_STATUS[status] ?? "check that the server takes messages there"),
    // A server that fails, or a proxy that gets no answer, does not know what became of it.
    isPublished: status < 500 || status === 503 ? "no" : "unknown",
  };
}

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
  401: "it requires credentials; see --token and --header",
  403: "it rejects this client; check --origin and --token",
  404: "it takes no messages there; check the host and path in --url, or leave out --publish",
  413: "it is too long; lower --size",
  415: "set the type of --message with --header 'Content-Type: …'",
  429: "it limits how often a client may publish; lower --rate, or raise the limit",
  503: "it is overloaded or stopping; lower --rate, or try again later",
};

/** Errors of connections that were never open, so that nothing was sent. */
const NEVER_OPEN = new Set(
  ("ECONNREFUSED EHOSTUNREACH ENETUNREACH ENOTFOUND EAI_AGAIN ERR_SSL_WRONG_VERSION_NUMBER " +
    "EMFILE ENFILE EADDRNOTAVAIL").split(" "),
);

/** Explains why there is no answer. */
export function noAnswer(url: string, error: unknown): PublishFailure {
  const { code = "" } = error as { readonly code?: string };
  const isNeverOpen = NEVER_OPEN.has(code) || isCertificateError(error);
  if (isNeverOpen) {
    const { cause, advice } = connectFailure(url, error);
    return { reason: cause, advice, isPublished: "no" };
  }
  const messages = roomUrlPattern(url, "messages");
  if (code.startsWith("HPE_")) {
    return {
      reason: "not HTTP",
      advice: `${messages} does not answer in HTTP: check the scheme, host, and port in --url`,
      isPublished: "unknown",
    };
  }
  return {
    reason: "connection closed",
    advice: `${messages} closed the connection without an answer: see the log of the server`,
    isPublished: "unknown",
  };
}
