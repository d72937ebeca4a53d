/**
 * Checks of the client's flags. Each function returns undefined for a valid text, and otherwise a
 * description of valid texts, which completes the sentence "--flag must be …".
 *
 * @module
 */

import { isIP } from "node:net";
import { isToken } from "../../websocket/http_head.ts";
import { parseStage } from "../pace/stages.ts";
import { GATE_METRICS, parseGate, parseGates } from "../report/gate.ts";
import { parseShare, parseSlow } from "../users/roles.ts";
import { parseStorm } from "../users/storm_plan.ts";

/** Checks `--url`. */
export function mustBeWebSocketUrl(text: string): string | undefined {
  const url = URL.parse(text);
  if (/^https?:$/.test(url?.protocol ?? "")) {
    return `a WebSocket URL, such as ${text.replace(/^http/i, "ws")}`;
  }
  const isValid = url && /^wss?:$/.test(url.protocol) && !text.includes("#") &&
    url.username === "" && url.password === "";
  return isValid
    ? undefined
    : "a URL such as ws://127.0.0.1:8000/ws, without a #fragment or a password";
}

/** Checks `--server-metrics`. */
export function mustBeHttpUrl(text: string): string | undefined {
  const url = URL.parse(text);
  const isValid = url && /^https?:$/.test(url.protocol) && !text.includes("#") &&
    url.username === "" && url.password === "";
  return isValid
    ? undefined
    : "a URL such as http://127.0.0.1:8000/metrics, without a #fragment or a password";
}

/** Checks one `--stage`. */
export function mustBeStage(text: string): string | undefined {
  return parseStage(text)
    ? undefined
    : "a duration, a colon, and a rate up to 1000000, such as 30s:1000";
}

/** Checks one `--expect`, and one gate of `--abort`. */
export function mustBeGate(text: string): string | undefined {
  return parseGate(text)
    ? undefined
    : `a metric, a comparison, and a limit, such as p99<250ms or lost=0 (${
      GATE_METRICS.join(", ")
    })`;
}

/** Checks `--find-max`. */
export function mustBeGates(text: string): string | undefined {
  return parseGates(text) ? undefined : "gates separated by commas, such as p99<250ms,lost=0";
}

/** Checks `--slow`. */
export function mustBeSlow(text: string): string | undefined {
  return parseSlow(text)
    ? undefined
    : "a number or a percentage of users, such as 20 or 5%, and optionally a rate: 5%:3KiB/s";
}

/** Checks `--sse`. */
export function mustBeShare(text: string): string | undefined {
  return parseShare(text) ? undefined : "a number or a percentage of users, such as 20 or 5%";
}

/** What `--check` can check. */
const CHECKS: readonly string[] = ["order", "history"];

/** Checks one `--check`. */
export function mustBeCheck(text: string): string | undefined {
  return CHECKS.includes(text) ? undefined : CHECKS.join(" or ");
}

/** Checks `--storm`. */
export function mustBeStorm(text: string): string | undefined {
  return parseStorm(text)
    ? undefined
    : "a number or a percentage of users, and a time, such as 200@10s or 50%@10s";
}

/** Headers that the handshake itself sends. A second one would break it. */
const HANDSHAKE_HEADERS = new Set(
  ("host upgrade connection origin content-length transfer-encoding sec-websocket-key " +
    "sec-websocket-version sec-websocket-protocol sec-websocket-extensions").split(" "),
);

/** Checks one `--header`. */
export function mustBeHeader(text: string): string | undefined {
  const [name = "", ...value] = text.split(":");
  if (!isToken(name) || value.length === 0) return 'a header such as "X-Name: value"';
  if (HANDSHAKE_HEADERS.has(name.toLowerCase())) {
    return "a header that the handshake does not set itself";
  }
  return mustBeHeaderValue(value.join(":"));
}

/** Checks a value that is sent in a header. */
export function mustBeHeaderValue(text: string): string | undefined {
  return /^[\t\x20-\x7e]*$/.test(text) ? undefined : "visible ASCII characters";
}

/** Checks one `--local-address`. */
export function mustBeAddress(text: string): string | undefined {
  return isIP(text) === 0 ? "an IP address of this machine, such as 127.0.0.2" : undefined;
}

/** Checks one `--protocol`. */
export function mustBeToken(text: string): string | undefined {
  return isToken(text) ? undefined : "a name such as chorus.v1";
}
