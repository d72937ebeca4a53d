// Publishes with ids over chorus.v1, in its own process, and prints how many acks came as JSON.
// Arguments: the ports, the processes to measure, and an AckLoad.
import process from "node:process";
import { encodeFrame, OPCODE, payloadStart } from "../../../lib/websocket/frame.ts";
import { connectTo, Poller, receive, send } from "../libc.ts";
import { usageOf } from "../process_tree.ts";
import type { AckLoad, AckResult } from "./loads.ts";

/** Acks of the first second do not count. */
const WARM_UP_MS = 1000;

const ports = Deno.args[0]!.split(",").map(Number);
const pids = Deno.args[1]!.split(",").map(Number);
const load: AckLoad = JSON.parse(Deno.args[2]!);

const MASK = 0x12345678;
const ACK = new TextEncoder().encode('{"type":"ack","id":"');
const QUOTE = 0x22, ZERO = 0x30;
/** The types `welcome`, `said`, `joined`, and `left` are read past. */
const ERROR = new TextEncoder().encode('{"type":"error"');

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const buffer = new Uint8Array(1024 * 1024);
const latenciesMs: number[] = [];
let isMeasured = false;
let errors = 0;

/** One client, with so many messages under way as the window allows. */
class Publisher {
  readonly fd: number;
  isUpgraded = false;
  #rest = new Uint8Array(0);
  #pending = new Uint8Array(0);
  #sent = 0;
  readonly #sentMs = new Map<number, number>();

  constructor(readonly index: number) {
    const room = index % load.rooms;
    const port = ports[(room + Math.floor(index / load.rooms)) % ports.length]!;
    this.fd = connectTo(port);
    poller.add(this.fd, index, { isReading: true, isWriting: false });
    this.#send(encoder.encode(
      `GET /ws?room=r${room} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: chorus.v1\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ));
  }

  /** Publishes until the window is full. */
  fill(): void {
    const frames: Uint8Array[] = [];
    const nowMs = performance.now();
    while (this.#sentMs.size < load.window) {
      const id = this.#sent++;
      this.#sentMs.set(id, nowMs);
      const json = `{"type":"say","id":"${id}","text":"${TEXT}"}`;
      frames.push(encodeFrame(OPCODE.text, encoder.encode(json), MASK));
    }
    if (frames.length > 0) this.#send(concat(frames));
  }

  onEvent({ canRead, canWrite }: { canRead: boolean; canWrite: boolean }): void {
    if (canWrite) this.#send(new Uint8Array(0));
    if (!canRead) return;
    const length = receive(this.fd, buffer);
    if (length === 0) throw new Error("The server closed a connection");
    if (length > 0) this.#read(concat([this.#rest, buffer.subarray(0, length)]));
  }

  #read(bytes: Uint8Array<ArrayBuffer>): void {
    let at = this.isUpgraded ? 0 : this.#passHead(bytes);
    const view = new DataView(bytes.buffer);
    while (this.isUpgraded && bytes.length - at >= 10) {
      const short = bytes[at + 1]!;
      const start = payloadStart(bytes, at);
      const end = start + (short < 126 ? short : view.getUint16(at + 2));
      if (short === 127) throw new Error("A frame is too large");
      if (end > bytes.length) break;
      if (startsWith(bytes, start, ACK)) this.#onAck(bytes, start + ACK.length);
      else if (startsWith(bytes, start, ERROR)) errors++;
      at = end;
    }
    this.#rest = bytes.slice(at);
    this.fill();
  }

  #onAck(bytes: Uint8Array, start: number): void {
    let id = 0;
    for (let at = start; bytes[at] !== QUOTE; at++) id = 10 * id + bytes[at]! - ZERO;
    const sentMs = this.#sentMs.get(id);
    this.#sentMs.delete(id);
    if (sentMs === undefined) errors++;
    else if (isMeasured) latenciesMs.push(performance.now() - sentMs);
  }

  #passHead(bytes: Uint8Array): number {
    const text = decoder.decode(bytes);
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return 0;
    if (!text.startsWith("HTTP/1.1 101")) throw new Error(`Refused: ${text}`);
    this.isUpgraded = true;
    return headEnd + 4;
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    const wasPending = this.#pending.length > 0;
    let left = wasPending ? concat([this.#pending, bytes]) : bytes;
    for (let sent; left.length > 0 && (sent = send(this.fd, left)) > 0;) left = left.subarray(sent);
    this.#pending = left;
    const isWriting = left.length > 0;
    if (wasPending !== isWriting) {
      poller.change(this.fd, this.index, { isReading: true, isWriting });
    }
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => bytes[at + index] === byte);
}

const TEXT = "x".repeat(load.size);
const poller = new Poller();
const publishers: Publisher[] = [];
const pump = (timeoutMs: number) =>
  poller.wait(timeoutMs, (tag, what) => publishers[tag]!.onEvent(what));

function run(): AckResult {
  for (let index = 0; index < load.publishers; index++) publishers.push(new Publisher(index));
  while (!publishers.every(({ isUpgraded }) => isUpgraded)) pump(20);
  const pumpUntil = (endMs: number) => {
    while (performance.now() < endMs) pump(20);
  };
  pumpUntil(performance.now() + WARM_UP_MS);
  isMeasured = true;
  const before = pids.map((pid) => usageOf(pid));
  const ownBefore = process.cpuUsage();
  const startMs = performance.now();
  pumpUntil(startMs + load.durationMs);
  const seconds = (performance.now() - startMs) / 1000;
  const own = process.cpuUsage(ownBefore);
  const cpuOfEach = pids.map((pid, index) => {
    const { userSeconds, kernelSeconds } = usageOf(pid);
    const { userSeconds: user, kernelSeconds: kernel } = before[index]!;
    return (userSeconds + kernelSeconds - user - kernel) / seconds;
  });
  latenciesMs.sort((one, other) => one - other);
  const quantile = (part: number) => latenciesMs[Math.floor(part * (latenciesMs.length - 1))]!;
  return {
    acksPerSecond: latenciesMs.length / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    errors,
    cpuOfEach,
    driverCpu: (own.user + own.system) / 1e6 / seconds,
  };
}

console.log(JSON.stringify(run()));
Deno.exit();
