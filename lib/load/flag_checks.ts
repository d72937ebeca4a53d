import { GATE_METRICS, parseGate, parseGates } from "./report/gate.ts";
import { parseSlow } from "./users/roles.ts";

/** What a URL to connect to must be, if this is not that. */
export function mustBeWebSocketUrl(text: string): string | undefined {
  const url = URL.parse(text);
  const isGood = url && /^wss?:$/.test(url.protocol) && !text.includes("#") &&
    url.username === "" && url.password === "";
  return isGood
    ? undefined
    : "a URL such as ws://127.0.0.1:8000/ws, without a #fragment or a password";
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The headers that the handshake itself sends: a second one would break it. */
const OWN_HEADERS =
  /^(host|upgrade|connection|sec-websocket-(key|version|protocol|extensions)|origin|content-length|transfer-encoding)$/i;

/** What an element of `--expect` must be, if this is not that. */
export function mustBeGate(text: string): string | undefined {
  return parseGate(text)
    ? undefined
    : `a measure, a comparison and a limit, such as p99<250ms or lost=0 (${
      GATE_METRICS.join(", ")
    })`;
}

/** What `--find-max` must be, if this is not that. */
export function mustBeGates(text: string): string | undefined {
  return parseGates(text) ? undefined : "gates with commas between them, such as p99<250ms,lost=0";
}

/** What `--slow` must be, if this is not that. */
export function mustBeSlow(text: string): string | undefined {
  return parseSlow(text) ? undefined : "a number of users or a part of them, such as 20 or 5%";
}

/** What an element of `--header` must be, if this is not that. */
export function mustBeHeader(text: string): string | undefined {
  const [name = "", ...value] = text.split(":");
  if (!TOKEN.test(name) || value.length === 0) return 'a header such as "X-Name: value"';
  if (OWN_HEADERS.test(name)) return "a header that the handshake does not send itself";
  return mustBeHeaderValue(value.join(":"));
}

/** What a value in a header must be, if this is not that. */
export function mustBeHeaderValue(text: string): string | undefined {
  return /^[\t\x20-\x7e]*$/.test(text) ? undefined : "visible ASCII characters";
}

/** What a subprotocol must be, if this is not that (RFC 9110 section 5.6.2). */
export function mustBeToken(text: string): string | undefined {
  return TOKEN.test(text) ? undefined : "a name such as chorus.v1";
}
