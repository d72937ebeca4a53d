// Publishes with ids over chorus.v1, in its own process, and prints how many acks came as JSON.
// Arguments: the ports, the processes to measure, and an AckLoad.
import process from "node:process";
import { encodeFrame, OPCODE } from "../../../lib/websocket/frame.ts";
import { Poller } from "../libc.ts";
import { usageOf } from "../process_tree.ts";
import { Client, concat } from "./client.ts";
import type { AckLoad, AckResult } from "./loads.ts";

/** Acks of the first second do not count. */
const WARM_UP_MS = 1000;

const ports = Deno.args[0]!.split(",").map(Number);
const pids = Deno.args[1]!.split(",").map(Number);
const load: AckLoad = JSON.parse(Deno.args[2]!);

const MASK = 0x12345678;
const TEXT = "x".repeat(load.size);
const QUOTE = 0x22, ZERO = 0x30;

const encoder = new TextEncoder();
const ACK = encoder.encode('{"type":"ack","id":"');
const ERROR = encoder.encode('{"type":"error"');

const latenciesMs: number[] = [];
let isMeasured = false;
let errors = 0;

/** One client, with as many messages under way as the window allows. */
class Publisher {
  readonly client: Client;
  #sent = 0;
  readonly #sentMs = new Map<number, number>();

  constructor(index: number) {
    const room = index % load.rooms;
    this.client = new Client(poller, index, {
      port: ports[(room + Math.floor(index / load.rooms)) % ports.length]!,
      query: `room=r${room}`,
      protocol: "chorus.v1",
      onFrame: (bytes, start) => this.#onFrame(bytes, start),
    });
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
    if (frames.length > 0) this.client.send(concat(frames));
  }

  #onFrame(bytes: Uint8Array, start: number): void {
    if (startsWith(bytes, start, ACK)) this.#onAck(bytes, start + ACK.length);
    else if (startsWith(bytes, start, ERROR)) errors++;
  }

  #onAck(bytes: Uint8Array, start: number): void {
    let id = 0;
    for (let at = start; bytes[at] !== QUOTE; at++) id = 10 * id + bytes[at]! - ZERO;
    const sentMs = this.#sentMs.get(id);
    this.#sentMs.delete(id);
    if (sentMs === undefined) errors++;
    else if (isMeasured) latenciesMs.push(performance.now() - sentMs);
  }
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  return prefix.every((byte, index) => bytes[at + index] === byte);
}

const poller = new Poller();
const publishers: Publisher[] = [];
/** They follow the publishers in the poller. */
const readers: Client[] = [];

function pumpUntil(isOver: () => boolean): void {
  while (!isOver()) {
    poller.wait(20, (tag, what) => {
      const publisher = publishers[tag];
      if (!publisher) return readers[tag - load.publishers]!.onEvent(what);
      publisher.client.onEvent(what);
      if (publisher.client.isUpgraded) publisher.fill();
    });
  }
}

function run(): AckResult {
  for (let index = 0; index < load.publishers; index++) publishers.push(new Publisher(index));
  for (let room = 0; load.readerPort !== undefined && room < load.rooms; room++) {
    const options = { port: load.readerPort, query: `room=r${room}`, onFrame: () => {} };
    readers.push(new Client(poller, load.publishers + room, options));
  }
  pumpUntil(() => publishers.every(({ client }) => client.isUpgraded));
  const warmMs = performance.now() + WARM_UP_MS;
  pumpUntil(() => performance.now() > warmMs);
  isMeasured = true;
  const before = pids.map((pid) => usageOf(pid));
  const ownBefore = process.cpuUsage();
  const startMs = performance.now();
  pumpUntil(() => performance.now() > startMs + load.durationMs);
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
