/** One load for the driver. */
export interface Scenario {
  readonly name: string;
  /** A closed loop, messages on a schedule, or connections without messages. */
  readonly kind: "burst" | "open loop" | "idle";
  readonly clients: number;
  /** How many of the clients send. */
  readonly senders: number;
  /** The payload of a message in bytes. */
  readonly size: number;
  /** In a burst: how many messages a sender writes at once. */
  readonly batch: number;
  /** In an open loop: messages per second of all senders together. */
  readonly rate: number;
  /** How many clients never read. */
  readonly stalled: number;
  readonly durationMs: number;
  /** The servers to measure. If it is empty, all. */
  readonly contenders: readonly string[];
}

/** The result of one run of a scenario. */
export interface Result {
  readonly connectsPerSecond: number;
  readonly deliveriesPerSecond: number;
  /** Deliveries that did not arrive within ten seconds of the end. */
  readonly missing: number;
  /** Deliveries that are lost for certain: a later message of the same sender arrived. */
  readonly lost: number;
  readonly outOfOrder: number;
  readonly foreign: number;
  /** Latency from the planned send time of a message. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  readonly maxMs: number | undefined;
  /** In cores. */
  readonly serverCpu: number;
  readonly serverCpuUsPerDelivery: number | undefined;
  readonly serverKernelShare: number;
  readonly driverCpu: number;
  /** In KiB. */
  readonly kbPerConnection: number;
  /** The largest growth of the server's memory in the samples, in MiB. */
  readonly grownMb: number;
  /** The server's memory at equal intervals in an open loop, in MiB. */
  readonly memoryMb: readonly number[];
  readonly endedReaders: number;
  readonly endedStalled: number;
}

const BURST = {
  kind: "burst",
  clients: 32,
  senders: 32,
  size: 24,
  batch: 1600,
  rate: 0,
  stalled: 0,
  durationMs: 4000,
  contenders: [],
} as const;

const OPEN_LOOP = {
  ...BURST,
  kind: "open loop",
  clients: 500,
  senders: 100,
  batch: 0,
  durationMs: 6000,
} as const;

const FAST = ["Chorus", "Bun publish"];

/** The scenarios that compare the servers. */
export const COMPARISONS: readonly Scenario[] = [
  { ...BURST, name: "burst 32 x 1,600" },
  { ...BURST, name: "burst 32 x 100", batch: 100 },
  { ...BURST, name: "burst 1,000 clients, 1 sender", clients: 1000, senders: 1 },
  { ...OPEN_LOOP, name: "open loop 50/s", rate: 50 },
  { ...OPEN_LOOP, name: "open loop 500/s", rate: 500 },
  { ...OPEN_LOOP, name: "open loop 4,000/s", rate: 4000, contenders: FAST },
  { ...BURST, name: "idle 10,000", kind: "idle", clients: 10_000, durationMs: 1000 },
];

const READERS = {
  ...OPEN_LOOP,
  clients: 100,
  senders: 50,
  rate: 400,
  size: 2000,
  durationMs: 30_000,
  contenders: ["Chorus"],
} as const;

/** The same load with and without stalled readers. */
export const STALLS: readonly Scenario[] = [
  { ...READERS, name: "100 readers, none stalled" },
  { ...READERS, name: "100 readers, 20 stalled", stalled: 20 },
];

const CURVE = { ...BURST, senders: 10, durationMs: 3000, contenders: FAST } as const;

/** Ten senders send 100 messages each to a growing number of clients. */
export const CLIENT_CURVE: readonly Scenario[] = [10, 100, 1000, 5000].map((clients) => ({
  ...CURVE,
  name: `${withCommas(clients)} clients`,
  clients,
  batch: 100,
}));

/** Ten senders send messages of growing size to 100 clients. */
export const SIZE_CURVE: readonly Scenario[] = [16, 1024, 16 * 1024].map((size) => ({
  ...CURVE,
  name: `${withCommas(size)} bytes`,
  clients: 100,
  size,
  batch: Math.max(5, Math.floor(100_000 / size / 10)),
}));

/** Ten minutes at 100,000 deliveries per second. */
export const SOAK: Scenario = {
  ...OPEN_LOOP,
  name: "ten minutes at 100,000 deliveries/s",
  clients: 201,
  senders: 50,
  rate: 500,
  durationMs: 600_000,
  contenders: ["Chorus"],
};

function withCommas(value: number): string {
  return value.toLocaleString("en");
}
