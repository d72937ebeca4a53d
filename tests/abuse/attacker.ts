import { connect, type Socket } from "node:net";
import { setImmediate } from "node:timers";
import { encodeFrame, OPCODE } from "../../lib/websocket/frame.ts";
import { HeadReader } from "../../lib/websocket/http_head.ts";
import { Receiver } from "../../lib/websocket/receiver.ts";
import { HANDSHAKE_HEADERS } from "../socket/raw_peer.ts";

const encoder = new TextEncoder();

/** More than the head of a response to a handshake. */
const MAX_HEAD_BYTES = 16 * 1024;

/** The errors of a connection that its peer has reset. */
const RESET_CODES: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** Any key will do. */
const MASKING_KEY = 0x12345678;

/**
 * A connection of an attacker, at the level of TCP. It counts what the server sends, and stores
 * nothing of it. No method throws: a server may refuse an attacker, and end its connection.
 */
export class Attacker implements Disposable {
  readonly #socket: Socket;
  readonly #ended = Promise.withResolvers<void>();
  /** How many responses had each status. */
  readonly #statuses = new Map<string, number>();
  /** The end of the text so far. A status may arrive in two pieces. */
  #tail = "";
  #handshake: { readonly head: HeadReader; readonly onOver: () => void } | undefined;
  #receiver: Receiver | undefined;
  #closeCode: number | undefined;
  #errorCode: string | undefined;
  #responseCount = 0;
  #onResponse = () => {};
  #onMessage = () => {};
  /** Ends the wait of {@linkcode write}. */
  #onDrained = () => {};
  /** Whether the connection has ended, or could not be opened. */
  hasEnded = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes) => this.#onData(bytes));
    socket.on("error", ({ code }: Error & { code?: string }) => this.#errorCode = code ?? "error");
    socket.on("drain", () => this.#onDrained());
    socket.on("close", () => {
      this.hasEnded = true;
      this.#ended.resolve();
      this.#onResponse();
      this.#onMessage();
      this.#onDrained();
    });
  }

  /** Resolves when the connection is open, or cannot be opened. */
  static async connect(port: number): Promise<Attacker> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    const attacker = new Attacker(socket);
    const connected = new Promise<void>((resolve) => socket.on("connect", () => resolve()));
    await Promise.race([connected, attacker.ended]);
    return attacker;
  }

  /** Connects and completes the WebSocket handshake, if the server lets it. */
  static async upgrade(port: number, path: string, protocol?: string): Promise<Attacker> {
    const attacker = await Attacker.connect(port);
    const offer = protocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${protocol}`];
    const over = Promise.withResolvers<void>();
    attacker.#handshake = { head: new HeadReader(MAX_HEAD_BYTES), onOver: over.resolve };
    attacker.write([`GET ${path} HTTP/1.1`, ...HANDSHAKE_HEADERS, ...offer, "", ""].join("\r\n"));
    await Promise.race([over.promise, attacker.ended]);
    return attacker;
  }

  /** Resolves when the connection has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What the server did: the statuses it sent, `close 1009`, `reset`, `closed`, or `open`. */
  get outcomes(): readonly string[] {
    if (this.#closeCode !== undefined) return [`close ${this.#closeCode}`];
    const statuses = [...this.#statuses].flatMap(([status, count]) => Array(count).fill(status));
    if (statuses.length > 0 && this.#receiver === undefined) return statuses;
    if (!this.hasEnded) return ["open"];
    const isReset = RESET_CODES.has(this.#errorCode ?? "");
    return [isReset ? "reset" : this.#errorCode ?? "closed"];
  }

  /** Whether the handshake is complete. */
  get isUpgraded(): boolean {
    return this.#receiver !== undefined;
  }

  /**
   * Sends bytes. Resolves when the system has taken them, the connection has ended, or the signal
   * is aborted.
   */
  async write(data: string | Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.hasEnded) return;
    const bytes = typeof data === "string" ? encoder.encode(data) : data;
    if (this.#socket.write(bytes)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onDrained = resolve;
    const onAbort = () => resolve();
    signal?.addEventListener("abort", onAbort);
    if (!signal?.aborted) await promise;
    signal?.removeEventListener("abort", onAbort);
    // A socket that takes everything at once would let nothing else run.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Sends these bytes until the connection ends, or the signal is aborted. */
  async flood(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.hasEnded) await this.write(bytes, signal);
  }

  /** Resolves when this many responses have arrived, or the connection has ended. */
  async responses(count: number): Promise<void> {
    while (this.#responseCount < count && !this.hasEnded) {
      await new Promise<void>((resolve) => this.#onResponse = resolve);
    }
  }

  /** Resolves when the next message arrives over the WebSocket, or the connection ends. */
  async message(): Promise<void> {
    if (!this.hasEnded) await new Promise<void>((resolve) => this.#onMessage = resolve);
  }

  /** Stops reading. The system still takes what its buffers hold. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends the connection with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #onData(bytes: Uint8Array): void {
    if (this.#receiver) return this.#receive(bytes);
    this.#countStatuses(bytes);
    const parts = this.#handshake?.head.push(bytes);
    if (!parts) return;
    if (this.#statuses.has("101")) {
      const ignore = () => {};
      this.#receiver = new Receiver({ role: "client", maxMessageBytes: 2 ** 30 }, {
        onMessage: () => this.#onMessage(),
        onPing: ignore,
        onPong: ignore,
        onClose: ({ code }) => this.#closeCode = code,
      });
      if (parts.rest.length > 0) this.#receive(parts.rest);
    }
    this.#handshake!.onOver();
    this.#handshake = undefined;
  }

  #receive(bytes: Uint8Array): void {
    this.#receiver!.receive(bytes);
    // A peer that has got a close frame ends the connection.
    if (this.#closeCode !== undefined) this.#socket.end();
  }

  #countStatuses(bytes: Uint8Array): void {
    const text = this.#tail + new TextDecoder("latin1").decode(bytes);
    let end = 0;
    for (const { 1: status, index, 0: { length } } of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      this.#statuses.set(status!, (this.#statuses.get(status!) ?? 0) + 1);
      this.#responseCount++;
      end = index + length;
    }
    this.#tail = text.slice(Math.max(end, text.length - "HTTP/1.1 200".length));
    this.#onResponse();
  }
}

/** Encodes a frame of a client. */
export function clientFrame(
  opcode: number,
  payload: string | Uint8Array,
  { isFinal = true } = {},
): Uint8Array<ArrayBuffer> {
  const bytes = typeof payload === "string" ? encoder.encode(payload) : payload;
  const frame = encodeFrame(opcode, bytes, MASKING_KEY);
  if (!isFinal) frame[0]! &= 0x7f;
  return frame;
}

/** Repeats bytes until there are at least this many. */
export function repeat(bytes: Uint8Array, atLeast: number): Uint8Array<ArrayBuffer> {
  const count = Math.ceil(atLeast / bytes.length);
  const repeated = new Uint8Array(count * bytes.length);
  for (let at = 0; at < repeated.length; at += bytes.length) repeated.set(bytes, at);
  return repeated;
}

/** The content of a text frame that one user might send. */
export const CHAT_FRAME = clientFrame(OPCODE.text, "I send as fast as I can");

/** Counts equal outcomes: `40 × 408, 2 × reset`. */
export function tally(attackers: Iterable<Attacker>): string {
  const counts = new Map<string, number>();
  for (const { outcomes } of attackers) {
    for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  return [...counts].sort().map(([outcome, count]) => `${count} × ${outcome}`).join(", ");
}
