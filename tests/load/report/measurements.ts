import { LatencyHistogram } from "../../../lib/load/measure/latency.ts";
import { NO_COUNTS } from "../../../lib/load/measure/delivery_counts.ts";
import type { Measurement } from "../../../lib/load/measure/measurement.ts";
import { Summary } from "../../../lib/load/measure/summary.ts";

export const LATENCY = { count: 100, p50: 1, p90: 2, p99: 3, "p99.9": 4, max: 5 };

const summary = new Summary();
Object.assign(summary, { opened: 3, sent: 10, received: 23 });
summary.closeCodes.set(1000, 3);

/** A run of three users without any fault. */
export const GOOD: Measurement = {
  summary,
  ledger: { ...NO_COUNTS, delivered: 20, foreign: 3 },
  faults: [],
  uncompared: undefined,
  acks: undefined,
  history: undefined,
  storm: undefined,
  slow: { count: 0, closeCodes: new Map(), ledger: NO_COUNTS },
  offeredRate: 100,
  achievedRate: 100,
  deliveriesPerSecond: 200,
  latencies: {
    delivery: LATENCY,
    raw: LATENCY,
    first: LATENCY,
    last: LATENCY,
    spread: LATENCY,
    slip: LATENCY,
    ack: undefined,
    rawAck: undefined,
    handshake: LATENCY,
    lag: LATENCY,
  },
  lookupMs: undefined,
  histogram: new LatencyHistogram(),
  timeline: [],
  stages: [],
  aborted: undefined,
  unsent: { disconnected: 0, blocked: 0 },
  churned: 0,
  busyCores: 0.25,
  waitingCores: 0.05,
  workers: 1,
  server: undefined,
};
