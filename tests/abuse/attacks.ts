import { OPCODE } from "../../lib/websocket/frame.ts";
import { signWithSecret } from "../server/security/tokens/issuer.ts";
import { postHead } from "../socket/http_exchange.ts";
import { Attacker, CHAT_FRAME, clientFrame, repeat, tally } from "./attacker.ts";

/** The secret of the attacked server: for tokens, and as the token of its administrators. */
export const SECRET = "0123456789abcdef".repeat(4);

/** The server that is attacked. */
export interface Target {
  readonly port: number;
  /** The room of the bystanders. */
  readonly room: string;
}

/** How hard an attack is. */
export interface AttackOptions {
  /** The number of connections, requests, messages, or rooms, as the attack says. */
  readonly size: number;
  /** The time between two bytes of a slow client. */
  readonly paceMs: number;
  /** Ends the attack. */
  readonly signal: AbortSignal;
}

/** Something that a client does to harm a server. */
export interface Attack {
  readonly name: string;
  /** The size that shows what the server does. */
  readonly smallSize: number;
  /** The size that could hurt. */
  readonly fullSize: number;
  /** Attacks the server, and returns what the attacker got, such as `50 × 408`. */
  run(target: Target, options: AttackOptions): Promise<string>;
}

/** The number of connections that an attack opens at the same time. */
const CONNECT_BATCH = 100;

/** The connections over which an attack sends its requests. */
const REQUEST_CONNECTIONS = 8;

/** How many requests each of them sends ahead of the responses. */
const REQUESTS_AHEAD = 16;

/** New rooms a second. */
const ROOM_RATE = 1000;

/** A piece that no socket takes at once, so that a flood waits for the system. */
const FLOOD_BYTES = 128 * 1024;

/** Closes a WebSocket with 1000. */
const CLOSE_FRAME = clientFrame(OPCODE.close, new Uint8Array([0x03, 0xe8]));

const GET = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

/** All attacks. */
export const ATTACKS: readonly Attack[] = [
  {
    name: "slow head",
    smallSize: 30,
    fullSize: 2000,
    run: (target, options) => sendSlowly(target, "GET /ws HTTP/1.1\r\nHost: ", options),
  },
  {
    name: "slow body",
    smallSize: 30,
    fullSize: 2000,
    run: (target, options) => sendSlowly(target, postHead("Content-Length: 60000"), options),
  },
  {
    name: "half-open handshakes",
    smallSize: 250,
    fullSize: 10_000,
    run: halfOpen,
  },
  {
    name: "oversize head",
    smallSize: 10,
    fullSize: 1000,
    run: (target, options) =>
      sendEach(target, `GET /ws HTTP/1.1\r\nX: ${"x".repeat(2 ** 20)}`, options),
  },
  {
    name: "oversize body with Content-Length",
    smallSize: 10,
    fullSize: 1000,
    run: (target, options) =>
      sendEach(target, postHead("Content-Length: 1000000000") + "x".repeat(2 ** 20), options),
  },
  {
    name: "oversize body in chunks",
    smallSize: 10,
    fullSize: 200,
    run: (target, options) => {
      const chunk = `8000\r\n${"x".repeat(2 ** 15)}\r\n`;
      return sendEach(target, postHead("Transfer-Encoding: chunked") + chunk.repeat(64), options);
    },
  },
  {
    name: "oversize message",
    smallSize: 10,
    fullSize: 1000,
    run: (target, options) =>
      // A frame of 16 MiB, of which a part is sent.
      sendFrames(target, frameHead(OPCODE.binary, 2 ** 24, 2 ** 20), options),
  },
  {
    name: "oversize fragmented message",
    smallSize: 10,
    fullSize: 1000,
    run: (target, options) => {
      const fragment = clientFrame(OPCODE.continuation, new Uint8Array(1000), { isFinal: false });
      const start = clientFrame(OPCODE.text, "x", { isFinal: false });
      return sendFrames(target, [start, repeat(fragment, 2 ** 20)], options);
    },
  },
  {
    name: "oversize control frame",
    smallSize: 10,
    fullSize: 1000,
    run: (target, options) =>
      sendFrames(target, [clientFrame(OPCODE.ping, new Uint8Array(126))], options),
  },
  {
    name: "ping flood, reads pongs",
    smallSize: 1,
    fullSize: 10,
    run: (target, options) => flood(target, clientFrame(OPCODE.ping, "ping"), options),
  },
  {
    name: "ping flood, reads nothing",
    smallSize: 1,
    fullSize: 10,
    run: (target, options) =>
      flood(target, clientFrame(OPCODE.ping, new Uint8Array(125)), options, { isReading: false }),
  },
  {
    name: "fragments of one byte",
    smallSize: 1,
    fullSize: 10,
    run: (target, options) => floodFragments(target, "x", options),
  },
  {
    name: "empty fragments",
    smallSize: 1,
    fullSize: 10,
    run: (target, options) => floodFragments(target, "", options),
  },
  {
    name: "pipelining, reads responses",
    smallSize: 1000,
    fullSize: 100_000,
    run: (target, options) => pipeline(target, options, { isReading: true }),
  },
  {
    name: "pipelining, reads nothing",
    smallSize: 1000,
    fullSize: 100_000,
    run: (target, options) => pipeline(target, options, { isReading: false }),
  },
  {
    name: "reconnect storm",
    smallSize: 200,
    fullSize: 5000,
    run: reconnect,
  },
  {
    name: "fast member in a room of its own",
    smallSize: 20_000,
    fullSize: Infinity,
    run: (target, options) => sendFast({ ...target, room: "fast" }, options),
  },
  {
    name: "fast member in the bystanders' room",
    smallSize: 2000,
    fullSize: Infinity,
    run: sendFast,
  },
  {
    name: "new rooms by joining",
    smallSize: 200,
    fullSize: 8000,
    run: joinRooms,
  },
  {
    name: "new rooms by publishing",
    smallSize: 200,
    fullSize: 8000,
    run: (target, options) =>
      request(
        target,
        (index) => postHead("Content-Length: 2").replace("lobby", `flood-${index}`) + "hi",
        {
          ...options,
          ratePerSecond: ROOM_RATE,
        },
      ),
  },
  {
    name: "admin token guessing",
    smallSize: 200,
    fullSize: 50_000,
    run: (target, options) => guess(target, "/admin/connections", bearer, options),
  },
  {
    name: "member token guessing",
    smallSize: 200,
    fullSize: 50_000,
    run: (target, options) => guess(target, `/rooms/${target.room}/messages`, forged, options),
  },
  {
    name: "member token guessing by renewing",
    smallSize: 200,
    fullSize: 50_000,
    run: guessByRenewing,
  },
];

/** Opens connections. Those that cannot be opened have ended. */
async function connectMany(
  { size }: AttackOptions,
  open: (index: number) => Promise<Attacker>,
): Promise<Attacker[]> {
  const attackers: Attacker[] = [];
  while (attackers.length < size) {
    const length = Math.min(CONNECT_BATCH, size - attackers.length);
    const first = attackers.length;
    attackers.push(...await Promise.all(Array.from({ length }, (_, index) => open(first + index))));
  }
  return attackers;
}

/**
 * Waits until the server has answered or ended all connections, or the attack is over. Returns what
 * they got.
 */
async function outcomeOf(
  attackers: readonly Attacker[],
  signal: AbortSignal,
  isOver: (attacker: Attacker) => Promise<void> = ({ ended }) => ended,
): Promise<string> {
  for (const attacker of attackers) attacker.resume();
  await Promise.race([Promise.all(attackers.map(isOver)), aborted(signal)]);
  const outcome = tally(attackers);
  for (const attacker of attackers) attacker.reset();
  return outcome;
}

const isAnswered = (attacker: Attacker) => attacker.responses(1);

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** `size` connections send a request, and then a byte every now and then. */
async function sendSlowly(
  { port }: Target,
  start: string,
  options: AttackOptions,
): Promise<string> {
  const attackers = await connectMany(options, () => Attacker.connect(port));
  for (const attacker of attackers) attacker.write(start);
  const timer = setInterval(() => {
    for (const attacker of attackers) attacker.write("x");
  }, options.paceMs);
  const outcome = await outcomeOf(attackers, options.signal, isAnswered);
  clearInterval(timer);
  return outcome;
}

/** `size` connections send nothing, or half a head. */
async function halfOpen({ port }: Target, options: AttackOptions): Promise<string> {
  const attackers = await connectMany(options, async (index) => {
    const attacker = await Attacker.connect(port);
    if (index % 2 === 1) attacker.write("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgra");
    return attacker;
  });
  return await outcomeOf(attackers, options.signal, isAnswered);
}

/** `size` connections send the same, one after the other. */
async function sendEach({ port }: Target, data: string, options: AttackOptions): Promise<string> {
  const attackers: Attacker[] = [];
  while (attackers.length < options.size && !options.signal.aborted) {
    const attacker = await Attacker.connect(port);
    attackers.push(attacker);
    attacker.write(data, options.signal);
    await Promise.race([attacker.responses(1), aborted(options.signal)]);
  }
  return await outcomeOf(attackers, options.signal, isAnswered);
}

/** The start of a frame that says it has `length` bytes, with the first `sent` of them. */
function frameHead(opcode: number, length: number, sent: number): Uint8Array[] {
  const head = new Uint8Array(14 + sent);
  head.set([0x80 | opcode, 0x80 | 127]);
  new DataView(head.buffer).setBigUint64(2, BigInt(length));
  return [head];
}

/** `size` members send these bytes, one after the other. */
async function sendFrames(
  { port }: Target,
  pieces: readonly Uint8Array[],
  options: AttackOptions,
): Promise<string> {
  const attackers: Attacker[] = [];
  while (attackers.length < options.size && !options.signal.aborted) {
    const attacker = await Attacker.upgrade(port, "/ws?room=oversize");
    attackers.push(attacker);
    for (const piece of pieces) attacker.write(piece);
    await Promise.race([attacker.ended, aborted(options.signal)]);
  }
  return await outcomeOf(attackers, options.signal);
}

/** `size` members send a frame as fast as they can. */
async function flood(
  { port }: Target,
  frame: Uint8Array,
  options: AttackOptions,
  { isReading = true } = {},
): Promise<string> {
  const attackers = await connectMany(options, () => Attacker.upgrade(port, "/ws?room=flood"));
  if (!isReading) { for (const attacker of attackers) attacker.pause(); }
  const frames = repeat(frame, FLOOD_BYTES);
  await Promise.all(attackers.map((attacker) => attacker.flood(frames, options.signal)));
  return await outcomeOf(attackers, options.signal);
}

/** `size` members send a message of fragments, and never its end. */
async function floodFragments(
  { port }: Target,
  content: string,
  options: AttackOptions,
): Promise<string> {
  const attackers = await connectMany(options, () => Attacker.upgrade(port, "/ws?room=flood"));
  const fragment = clientFrame(OPCODE.continuation, content, { isFinal: false });
  const fragments = repeat(fragment, FLOOD_BYTES);
  await Promise.all(attackers.map(async (attacker) => {
    await attacker.write(clientFrame(OPCODE.text, content, { isFinal: false }));
    await attacker.flood(fragments, options.signal);
  }));
  return await outcomeOf(attackers, options.signal);
}

/** One connection sends `size` requests at once. */
async function pipeline(
  { port }: Target,
  { size, signal }: AttackOptions,
  { isReading }: { readonly isReading: boolean },
): Promise<string> {
  const attacker = await Attacker.connect(port);
  if (!isReading) attacker.pause();
  attacker.write(GET.repeat(size), signal);
  await Promise.race([attacker.responses(size), aborted(signal)]);
  const outcome = tally([attacker]);
  attacker.reset();
  return outcome;
}

/** Joins the bystanders' room `size` times. Each connection is reset as soon as it is open. */
async function reconnect(
  { port, room }: Target,
  { size, signal }: AttackOptions,
): Promise<string> {
  const counts = { upgraded: 0, refused: [] as Attacker[] };
  let left = size;
  const worker = async () => {
    while (left-- > 0 && !signal.aborted) {
      const protocol = left % 2 === 0 ? "chorus.v1" : undefined;
      const attacker = await Attacker.upgrade(port, `/ws?room=${room}`, protocol);
      if (attacker.isUpgraded) counts.upgraded++;
      else counts.refused.push(attacker);
      attacker.reset();
      await attacker.ended;
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONNECT_BATCH, size) }, worker));
  return [`${counts.upgraded} × 101`, tally(counts.refused)].filter(Boolean).join(", ");
}

/** A member sends `size` messages as fast as it can. */
async function sendFast({ port, room }: Target, options: AttackOptions): Promise<string> {
  const { size, signal } = options;
  const attacker = await Attacker.upgrade(port, `/ws?room=${room}`);
  const frames = repeat(CHAT_FRAME, Math.min(FLOOD_BYTES, size * CHAT_FRAME.length));
  let left = Math.ceil(size * CHAT_FRAME.length / frames.length);
  for (; left > 0 && !signal.aborted && !attacker.hasEnded; left--) {
    await attacker.write(frames, signal);
  }
  // The server answers a close frame when it has read everything before it.
  attacker.write(CLOSE_FRAME, signal);
  return await outcomeOf([attacker], signal);
}

/** Joins `size` new rooms, at a fixed rate, and leaves them at once. */
async function joinRooms({ port }: Target, { size, signal }: AttackOptions): Promise<string> {
  const attackers: Attacker[] = [];
  const upgrades: Promise<void>[] = [];
  let joinedCount = 0;
  await atRate(ROOM_RATE, size, signal, (index) => {
    const join = async () => {
      const attacker = await Attacker.upgrade(port, `/ws?room=joined-${index}`);
      if (attacker.isUpgraded) joinedCount++;
      else attackers.push(attacker);
      attacker.reset();
      await attacker.ended;
    };
    upgrades.push(join());
  });
  await Promise.all(upgrades);
  return [`${joinedCount} × 101`, tally(attackers)].filter(Boolean).join(", ");
}

/** Calls `act` at a fixed rate, `size` times. It waits for nothing that `act` begins. */
async function atRate(
  ratePerSecond: number,
  size: number,
  signal: AbortSignal,
  act: (index: number) => void,
): Promise<void> {
  const startMs = performance.now();
  for (let index = 0; index < size && !signal.aborted;) {
    const due = Math.ceil((performance.now() - startMs) / 1000 * ratePerSecond);
    for (; index < Math.min(due, size); index++) act(index);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Sends `size` requests over a few connections. */
async function request(
  { port }: Target,
  requestAt: (index: number) => string,
  { size, signal, ratePerSecond }: AttackOptions & { readonly ratePerSecond?: number },
): Promise<string> {
  const connect = () => Attacker.connect(port);
  const attackers = await Promise.all(Array.from({ length: REQUEST_CONNECTIONS }, connect));
  const sent = attackers.map(() => 0);
  const send = (index: number) => {
    const at = index % attackers.length;
    sent[at]!++;
    return attackers[at]!.write(requestAt(index), signal);
  };
  if (ratePerSecond !== undefined) {
    await atRate(ratePerSecond, size, signal, (index) => void send(index));
  } else {
    await Promise.all(attackers.map(async (attacker, at) => {
      for (let index = at; index < size && !signal.aborted; index += attackers.length) {
        await send(index);
        await attacker.responses(sent[at]! - REQUESTS_AHEAD);
      }
    }));
  }
  const answered = attackers.map((attacker, at) => attacker.responses(sent[at]!));
  await Promise.race([Promise.all(answered), aborted(signal)]);
  const outcome = tally(attackers);
  for (const attacker of attackers) attacker.reset();
  return outcome;
}

/**
 * Sends `size` requests for a path with guessed tokens.
 *
 * @param headersOf Returns the header lines with the guess of this number.
 */
function guess(
  target: Target,
  path: string,
  headersOf: (index: number) => readonly string[],
  options: AttackOptions,
): Promise<string> {
  return request(
    target,
    (index) =>
      [`GET ${path} HTTP/1.1`, "Host: 127.0.0.1", ...headersOf(index), "", ""].join("\r\n"),
    options,
  );
}

/** A member renews its token `size` times, with guessed ones. It waits for each answer. */
async function guessByRenewing(
  { port }: Target,
  { size, signal }: AttackOptions,
): Promise<string> {
  const protocols = `chorus.v1, chorus.token.${await signWithSecret({ sub: "guesser" }, SECRET)}`;
  const attacker = await Attacker.upgrade(port, "/ws?room=guess", protocols);
  for (let count = 0; count < size && !signal.aborted && !attacker.hasEnded; count++) {
    const guess = JSON.stringify({ type: "token", token: forgedToken(`user-${count}`) });
    const answered = attacker.message();
    await attacker.write(clientFrame(OPCODE.text, guess), signal);
    await answered;
  }
  attacker.write(CLOSE_FRAME, signal);
  return await outcomeOf([attacker], signal);
}

function bearer(index: number): readonly string[] {
  return [`Authorization: Bearer ${index.toString(16).padStart(32, "0")}`];
}

function forged(index: number): readonly string[] {
  return [`Authorization: Bearer ${forgedToken(`user-${index}`)}`];
}

/** A token that is well-formed, and whose signature is wrong. */
function forgedToken(sub: string): string {
  const part = (value: unknown) =>
    new TextEncoder().encode(JSON.stringify(value)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
  const claims = { sub, exp: Math.floor(Date.now() / 1000) + 600 };
  return `${part({ alg: "HS256" })}.${part(claims)}.${"A".repeat(43)}`;
}
