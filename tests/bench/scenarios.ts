/** One load for the driver. */
export interface Scenario {
  readonly name: string;
  /** A closed loop, messages on a schedule, or connections without messages. */
  readonly kind: "burst" | "open loop" | "idle";
  readonly clients: number;
  /** How many of the clients send. */
  readonly senders: number;
  /**
   * Client `i` joins room `i % rooms`, and each room has equally many clients. If it is 1, clients
   * name no room. Clients stall only in a single room.
   */
  readonly rooms: number;
  /** How many connections are opened at the same time. */
  readonly connectWindow: number;
  /** The payload of a message in bytes. */
  readonly size: number;
  /** In a burst: how many messages a sender writes at once. */
  readonly batch: number;
  /** In an open loop: messages per second of all senders together. */
  readonly rate: number;
  /**
   * In an open loop: whether the driver polls when the next message is due within a millisecond.
   * That is more precise, but takes a whole core.
   */
  readonly polls: boolean;
  /** How many clients never read. */
  readonly stalled: number;
  readonly durationMs: number;
  /** Whether `--quick` runs it too. */
  readonly isQuick: boolean;
  /** The servers to measure. If it is empty, all. */
  readonly contenders: readonly string[];
}

/** The result of one run of a scenario. */
export interface Result {
  readonly connectsPerSecond: number;
  /** The time until the last client is connected. */
  readonly connectMs: number;
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
  /** In cores, of each process of the server that was named. */
  readonly cpuOfEach: readonly number[];
  readonly serverCpuUsPerDelivery: number | undefined;
  readonly serverKernelShare: number;
  /** In cores, without the time in which the driver only polls until the next message is due. */
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
  rooms: 1,
  connectWindow: 64,
  size: 24,
  batch: 1600,
  rate: 0,
  polls: true,
  stalled: 0,
  durationMs: 4000,
  isQuick: false,
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

const IDLE = { ...BURST, kind: "idle", durationMs: 1000 } as const;

const FAST = ["Chorus", "Bun publish"];

/** All clients of a room send to it. */
const ROOMS_OF_2 = { clients: 1000, senders: 1000, rooms: 500 } as const;
const ROOMS_OF_10 = { clients: 1000, senders: 1000, rooms: 100 } as const;

/** The scenarios that compare the servers. */
export const COMPARISONS: readonly Scenario[] = [
  { ...BURST, name: "burst 32 x 1,600", isQuick: true },
  { ...BURST, name: "burst 32 x 100", batch: 100 },
  { ...BURST, name: "burst 1,000 clients, 1 sender", clients: 1000, senders: 1 },
  { ...BURST, ...ROOMS_OF_2, name: "burst 500 rooms of 2 x 16", batch: 16 },
  { ...BURST, ...ROOMS_OF_10, name: "burst 100 rooms of 10 x 16", batch: 16, isQuick: true },
  { ...OPEN_LOOP, name: "open loop 50/s", rate: 50 },
  { ...OPEN_LOOP, name: "open loop 500/s", rate: 500, isQuick: true },
  { ...OPEN_LOOP, name: "open loop 4,000/s", rate: 4000, contenders: FAST },
  {
    ...OPEN_LOOP,
    ...ROOMS_OF_2,
    name: "open loop 500 rooms of 2, 10,000/s",
    rate: 10_000,
    isQuick: true,
  },
  { ...OPEN_LOOP, ...ROOMS_OF_10, name: "open loop 100 rooms of 10, 5,000/s", rate: 5000 },
  { ...IDLE, name: "idle 10,000", clients: 10_000 },
  { ...IDLE, name: "5,000 at once", clients: 5000, connectWindow: 5000, isQuick: true },
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
