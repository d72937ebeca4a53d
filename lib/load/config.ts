import type { ConfigOf, FlagTable } from "../cli/flags.ts";
import { GATE_METRICS, parseGate } from "./gate.ts";
import { MARKER_BYTES } from "./marker.ts";

/** The client's flags: what `--help`, the README and {@linkcode ClientConfig} are made of. */
export const CLIENT_FLAGS = {
  url: {
    kind: "text",
    default: "ws://127.0.0.1:8000/ws",
    value: "URL",
    help: "Server to connect to",
    check: mustBeWebSocketUrl,
  },
  count: {
    kind: "integer",
    default: 9,
    value: "N",
    min: 1,
    max: 100_000,
    help: "How many users to simulate, with the ids 1 to N",
  },
  intervalMs: {
    kind: "duration",
    default: 2000,
    min: 1,
    help: "User 1 says something this often",
  },
  every: {
    kind: "choice",
    default: "scaled",
    choices: ["scaled", "fixed"],
    help: "User k speaks every k intervals (scaled), or all speak every interval (fixed)",
  },
  rate: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 1_000_000,
    help: "Measure the server: messages per second in total, on schedule, each delivery checked",
  },
  senders: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 100_000,
    help: "With --rate: how many of the users send; 0 is all of them",
  },
  size: {
    kind: "integer",
    default: 64,
    value: "BYTES",
    min: MARKER_BYTES,
    max: 1_000_000,
    help: "With --rate: length of a message",
  },
  warmupMs: {
    kind: "duration",
    default: 1000,
    min: 0,
    help: "With --rate: how long to send before rates and latencies count",
  },
  drainTimeoutMs: {
    kind: "duration",
    default: 5000,
    min: 0,
    help: "With --rate: how long nothing may arrive at the end until what is missing is lost",
  },
  expect: {
    kind: "each",
    default: [],
    value: "GATE",
    help: "With --rate: what the run must hold, such as p99<250ms or lost=0; repeat it for more",
    check: mustBeGate,
  },
  message: {
    kind: "text",
    default: "Client {id} says hello",
    value: "TEXT",
    help: "What a user says; {id} becomes its id",
  },
  durationMs: {
    kind: "duration",
    default: 0,
    min: 0,
    help: "How long to run; 0 is until Ctrl-C",
  },
  staggerMs: {
    kind: "duration",
    default: 50,
    min: 0,
    help: "Pause between one user's arrival and the next",
  },
  connectRate: {
    kind: "integer",
    default: 0,
    value: "N",
    min: 0,
    max: 1_000_000,
    help: "Users who arrive per second; 0 leaves that to --stagger",
  },
  header: {
    kind: "each",
    default: [],
    short: "H",
    value: '"NAME: VALUE"',
    help: "Header of the handshake; repeat it for more",
    check: mustBeHeader,
  },
  origin: {
    kind: "text",
    default: "",
    value: "ORIGIN",
    help: "Origin header of the handshake, as a browser sends it",
    check: mustBeHeaderValue,
  },
  protocol: {
    kind: "list",
    default: [],
    value: "NAME,…",
    help: "WebSocket subprotocols to offer",
    check: mustBeToken,
  },
  token: {
    kind: "text",
    default: "",
    value: "TOKEN",
    help: "Send `Authorization: Bearer TOKEN` with the handshake",
    check: mustBeHeaderValue,
  },
  cacert: {
    kind: "text",
    default: "",
    value: "FILE",
    help: "Certificates in PEM to trust instead of the system's",
  },
  insecure: {
    kind: "switch",
    default: false,
    help: "Trust any certificate",
  },
  connectTimeoutMs: {
    kind: "duration",
    default: 10_000,
    min: 1,
    help: "How long the server may take to answer a handshake",
  },
  reconnect: {
    kind: "switch",
    default: true,
    help: "Do not come back after a lost connection",
  },
  quiet: {
    kind: "switch",
    default: false,
    help: "Do not print what the users receive",
  },
  json: {
    kind: "switch",
    default: false,
    help: "Print one JSON object at the end and nothing else on standard output",
  },
  help: {
    kind: "command",
    default: false,
    short: "h",
    help: "Print this and exit",
  },
  version: {
    kind: "command",
    default: false,
    help: "Print the version and exit",
  },
} as const satisfies FlagTable;

/** The client's configuration, resolved: what {@linkcode CLIENT_FLAGS} parses to. */
export type ClientConfig = ConfigOf<typeof CLIENT_FLAGS>;

/** What is wrong with flags that are right each for itself. */
export function clientFaults({ rate, expect }: ClientConfig): readonly string[] {
  return rate === 0 && expect.length > 0
    ? ["Cannot start as --expect needs --rate beside it, which measures: --rate was 0"]
    : [];
}

function mustBeWebSocketUrl(text: string): string | undefined {
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

function mustBeGate(text: string): string | undefined {
  return parseGate(text)
    ? undefined
    : `a measure, a comparison and a limit, such as p99<250ms or lost=0 (${
      GATE_METRICS.join(", ")
    })`;
}

function mustBeHeader(text: string): string | undefined {
  const [name = "", ...value] = text.split(":");
  if (!TOKEN.test(name) || value.length === 0) return 'a header such as "X-Name: value"';
  if (OWN_HEADERS.test(name)) return "a header that the handshake does not send itself";
  return mustBeHeaderValue(value.join(":"));
}

function mustBeHeaderValue(text: string): string | undefined {
  return /^[\t\x20-\x7e]*$/.test(text) ? undefined : "visible ASCII characters";
}

function mustBeToken(text: string): string | undefined {
  return TOKEN.test(text) ? undefined : "a name such as chorus.v1";
}
