// The load driver: runs one scenario against one server, in its own process, and prints the result
// as JSON. A server may have several ports and processes, separated by commas: the clients of each
// room are spread over the ports.
import process from "node:process";
import { encodeFrame, OPCODE } from "../../lib/websocket/frame.ts";
import { close, connectTo, errorOf, Poller, receive, send } from "./libc.ts";
import { MARKER_BYTES, writeMarker } from "./marker.ts";
import { type Usage, usageOf } from "./process_tree.ts";
import { Receiver, Tally } from "./receiver.ts";
import type { Result, Scenario } from "./scenarios.ts";

/** How long the driver waits until all clients are connected. */
const CONNECT_TIMEOUT_MS = 60_000;

/** The driver stops when the server has delivered nothing for this long. */
const PROGRESS_TIMEOUT_MS = 5000;

/**
 * Latencies of the first second do not count, because connections and compilers warm up. In a
 * burst, all latencies count.
 */
const WARM_UP_MS = 1000;

/** How often the driver reads the server's memory. */
const MEMORY_SAMPLES = 60;

/** How long the driver waits for the last messages. */
const DRAIN_MS = 10_000;

const KEY = [0x12, 0x34, 0x56, 0x78];

const ports = Deno.args[0]!.split(",").map(Number);
const pids = Deno.args[1]!.split(",").map(Number);
const scenario: Scenario = JSON.parse(Deno.args[2]!);

/** A masked frame without its marker. */
const FRAME = encodeFrame(OPCODE.text, new Uint8Array(scenario.size).fill(0x78), 0x12345678);

const nowUs = () => Math.floor(performance.now() * 1000);

/** One simulated user. */
class Client {
  readonly fd: number;
  readonly receiver: Receiver;
  isDead = false;
  isStalled = false;
  /** The error of a connection that broke before the upgrade. */
  error: string | undefined;
  #sent = 0;
  #pending = new Uint8Array(0);

  constructor(readonly index: number, tally: Tally) {
    const { senders, rooms } = scenario;
    const room = index % rooms;
    // Each room has clients on every port, if it has enough of them.
    const port = ports[(room + Math.floor(index / rooms)) % ports.length]!;
    this.fd = connectTo(port);
    this.receiver = new Receiver(tally, { senders, rooms, room });
    poller.add(this.fd, index, this.#interest());
    const query = rooms === 1 ? "" : `?room=r${room}`;
    this.#send(new TextEncoder().encode(
      `GET /ws${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
        "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    ));
  }

  /** Publishes this many messages in one write. */
  publish(count: number, plannedUs: number): void {
    const bytes = new Uint8Array(count * FRAME.length);
    for (let at = 0; at < bytes.length; at += FRAME.length) {
      bytes.set(FRAME, at);
      const payloadAt = at + FRAME.length - scenario.size;
      writeMarker(bytes, payloadAt, this.index, this.#sent++, plannedUs);
      for (let index = 0; index < MARKER_BYTES; index++) {
        bytes[payloadAt + index]! ^= KEY[index & 3]!;
      }
    }
    this.#send(bytes);
  }

  stall(): void {
    this.isStalled = true;
    poller.change(this.fd, this.index, this.#interest());
  }

  onEvent({ canRead, canWrite, isBroken }: {
    canRead: boolean;
    canWrite: boolean;
    isBroken: boolean;
  }): void {
    if (this.isDead) return;
    if (isBroken && !this.receiver.isUpgraded) this.error = errorOf(this.fd);
    if (canWrite) this.#send(new Uint8Array(0));
    if (canRead && !this.isStalled) this.#read();
    else if (isBroken) this.end();
  }

  end(): void {
    if (this.isDead) return;
    this.isDead = true;
    poller.remove(this.fd);
    close(this.fd);
  }

  #read(): void {
    for (;;) {
      const target = this.receiver.target();
      const length = receive(this.fd, target);
      if (length === 0) return this.end();
      if (length < 0) return;
      const ping = this.receiver.received(length, nowUs());
      if (ping) {
        const pong = new Uint8Array([0x8a, 0x80 | ping.length, 0, 0, 0, 0, ...ping]);
        this.#send(pong);
      }
      if (length < target.length) return;
    }
  }

  #send(bytes: Uint8Array<ArrayBuffer>): void {
    const wasPending = this.#pending.length > 0;
    let left = bytes;
    if (wasPending) {
      left = new Uint8Array(this.#pending.length + bytes.length);
      left.set(this.#pending);
      left.set(bytes, this.#pending.length);
    }
    for (let sent; left.length > 0 && (sent = send(this.fd, left)) > 0;) left = left.subarray(sent);
    this.#pending = left;
    if (wasPending !== left.length > 0) poller.change(this.fd, this.index, this.#interest());
  }

  #interest() {
    return { isReading: !this.isStalled, isWriting: (this.#pending?.length ?? 0) > 0 };
  }
}

const poller = new Poller();
const tally = new Tally();
const clients: Client[] = [];
const memoryMb: number[] = [];
/** The time in which the driver only polled until the next message was due. */
let pollingMs = 0;
const pump = (timeoutMs: number) =>
  poller.wait(timeoutMs, (tag, what) => clients[tag]!.onEvent(what));

/** Connects all users. @returns The time until the last one is connected. */
function connectAll(): number {
  const startedMs = performance.now();
  for (let readyCount = 0; readyCount < scenario.clients;) {
    const openUntil = Math.min(scenario.clients, readyCount + scenario.connectWindow);
    while (clients.length < openUntil) clients.push(new Client(clients.length, tally));
    pump(50);
    while (clients[readyCount]?.receiver.isUpgraded) readyCount++;
    const { receiver, isDead, error = "it was closed" } = clients[readyCount] ?? {};
    if (receiver?.refusal) throw new Error(`The server refused a connection: ${receiver.refusal}`);
    if (isDead) throw new Error(`A connection ended before the upgrade: ${error}`);
    if (performance.now() - startedMs > CONNECT_TIMEOUT_MS) {
      throw new Error(`The server accepts no more connections: it accepted ${readyCount}`);
    }
  }
  return performance.now() - startedMs;
}

/**
 * Lets every sender write its batch at once, and starts the next round when everything has arrived.
 *
 * @returns The expected number of deliveries.
 */
function burst(endMs: number): number {
  const { batch, senders, rooms } = scenario;
  let expected = 0;
  while (performance.now() < endMs) {
    expected += batch * senders * (scenario.clients / rooms - 1);
    for (const sender of clients.slice(0, senders)) sender.publish(batch, 0);
    let deliveries = tally.deliveries, progressMs = performance.now();
    while (tally.deliveries < expected) {
      pump(20);
      if (tally.deliveries !== deliveries) {
        deliveries = tally.deliveries;
        progressMs = performance.now();
      } else if (performance.now() - progressMs > PROGRESS_TIMEOUT_MS) return expected;
    }
  }
  return expected;
}

/**
 * Sends on schedule, regardless of the server's pace.
 *
 * @returns The expected number of deliveries.
 */
function openLoop(startMs: number, endMs: number): number {
  const { rate, senders, rooms, stalled } = scenario;
  for (const client of clients.slice(clients.length - stalled)) client.stall();
  tally.measureFromUs = (startMs + WARM_UP_MS) * 1000;
  const gapMs = 1000 / rate;
  let sentCount = 0;
  const planMs = () => startMs + sentCount * gapMs;
  const sampleMs = (endMs - startMs) / MEMORY_SAMPLES;
  for (let nowMs; (nowMs = performance.now()) < endMs;) {
    const sentBefore = sentCount;
    for (; planMs() <= performance.now() && planMs() < endMs; sentCount++) {
      clients[sentCount % senders]!.publish(1, Math.floor(planMs() * 1000));
    }
    if (performance.now() >= startMs + memoryMb.length * sampleMs) {
      memoryMb.push(Math.round(usageOf(...pids).residentKb / 1024));
    }
    const leftMs = Math.max(0, planMs() - performance.now());
    const timeoutMs = scenario.polls ? Math.floor(leftMs) : leftMs;
    const hadEvents = pump(timeoutMs);
    if (scenario.polls && timeoutMs === 0 && !hadEvents && sentCount === sentBefore) {
      pollingMs += performance.now() - nowMs;
    }
  }
  return sentCount * (clients.length / rooms - stalled - 1);
}

/** Waits until the readers have received everything, or nothing more arrives. */
function drain(expected: number): void {
  const readers = clients.slice(0, clients.length - scenario.stalled);
  const count = () => readers.reduce((sum, { receiver }) => sum + receiver.deliveries, 0);
  const endMs = performance.now() + DRAIN_MS;
  let progressMs = performance.now();
  for (let last = -1; last < expected && performance.now() < endMs; pump(20)) {
    if (performance.now() - progressMs > PROGRESS_TIMEOUT_MS) return;
    if (count() !== last) progressMs = performance.now();
    last = count();
  }
}

function run(): Result {
  const idle = usageOf(...pids);
  const connectMs = connectAll();
  for (let rest = 0; rest < 20; rest++) pump(20);
  tally.deliveries = 0;
  const before = usageOf(...pids);
  const eachBefore = pids.map((pid) => usageOf(pid));
  const loadBefore = process.cpuUsage();
  const startMs = performance.now();
  const endMs = startMs + scenario.durationMs;
  let expected = 0;
  if (scenario.kind === "burst") expected = burst(endMs);
  else if (scenario.kind === "open loop") expected = openLoop(startMs, endMs);
  else while (performance.now() < endMs) pump(20);
  const seconds = (performance.now() - startMs) / 1000;
  const load = process.cpuUsage(loadBefore);
  const after = usageOf(...pids);
  const cpuOfEach = pids.map((pid, index) =>
    secondsBetween(eachBefore[index]!, usageOf(pid)) / seconds
  );
  const { deliveries } = tally;
  drain(expected);
  const readers = clients.slice(0, clients.length - scenario.stalled);
  const userSeconds = after.userSeconds - before.userSeconds;
  const kernelSeconds = after.kernelSeconds - before.kernelSeconds;
  return {
    connectsPerSecond: scenario.clients / connectMs * 1000,
    connectMs,
    deliveriesPerSecond: deliveries / seconds,
    // Messages missing at the end may be late or lost.
    missing: expected - readers.reduce((sum, { receiver }) => sum + receiver.deliveries, 0),
    lost: tally.lost,
    outOfOrder: tally.outOfOrder,
    foreign: tally.foreign,
    p50Ms: tally.latencyMs(0.5),
    p99Ms: tally.latencyMs(0.99),
    maxMs: tally.latencyMs(1),
    serverCpu: (userSeconds + kernelSeconds) / seconds,
    cpuOfEach,
    serverCpuUsPerDelivery: deliveries > 0
      ? (userSeconds + kernelSeconds) * 1e6 / deliveries
      : undefined,
    serverKernelShare: kernelSeconds / (userSeconds + kernelSeconds),
    driverCpu: ((load.user + load.system) / 1e6 - pollingMs / 1000) / seconds,
    kbPerConnection: (after.residentKb - idle.residentKb) / clients.length,
    grownMb: (Math.max(after.residentKb, ...memoryMb.map((mb) => mb * 1024)) - before.residentKb) /
      1024,
    memoryMb,
    endedReaders: readers.filter(({ isDead }) => isDead).length,
    endedStalled: clients.filter(({ isDead, isStalled }) => isDead && isStalled).length,
  };
}

function secondsBetween(before: Usage, after: Usage): number {
  return after.userSeconds + after.kernelSeconds - before.userSeconds - before.kernelSeconds;
}

if (scenario.size < MARKER_BYTES) throw new Error(`A message has at least ${MARKER_BYTES} bytes`);
if (scenario.clients % scenario.rooms > 0) throw new Error("The rooms must have equal sizes");
if (scenario.stalled > 0 && scenario.rooms > 1) throw new Error("Clients stall only in one room");
console.log(JSON.stringify(run()));
Deno.exit();
