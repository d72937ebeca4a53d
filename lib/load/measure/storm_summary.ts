import { increment } from "./summary.ts";

/** What happened to a worker's users of a storm. Times are in milliseconds after the cut. */
export interface StormCounts {
  /** Users whose connection was cut. */
  readonly cut: number;
  /** When each user was connected again. */
  readonly backMs: readonly number[];
  /** When each user had received what was sent before it was back; empty if none resumes. */
  readonly upToDateMs: readonly number[];
  /** Messages that should have been replayed, and did not arrive. */
  readonly lost: number;
  /** Messages of others that users without a position did not get while they were away. */
  readonly missed: number;
  /** Messages that arrived again. */
  readonly duplicated: number;
  /** Messages that were cut off on their way to the server, together with the connection. */
  readonly cutOff: number;
  /** Messages without an ack that were published again. */
  readonly publishedAgain: number;
  /** Attempts to reconnect that failed, by cause. */
  readonly failures: ReadonlyMap<string, number>;
}

/** When a part of the users was done, in milliseconds after the cut; undefined if it never was. */
export interface StormTimes {
  readonly half: number | undefined;
  readonly p99: number | undefined;
  readonly all: number | undefined;
}

/** What a storm did to all users. */
export interface StormSummary extends Omit<StormCounts, "backMs" | "upToDateMs"> {
  /** How many users are back, and how many are up to date. */
  readonly back: number;
  readonly upToDate: number;
  /** Whether users resume: the server speaks `chorus.v1`. If not, nobody is ever up to date. */
  readonly isResumed: boolean;
  readonly backMs: StormTimes;
  readonly upToDateMs: StormTimes;
  /** Users that were back per second: in the busiest tenth of a second, and up to the last. */
  readonly connectsPerSecond: { readonly peak: number; readonly mean: number };
}

/** Sums what happened to the users of all workers. */
export function summarizeStorm(
  counts: readonly StormCounts[],
  { isResumed }: { readonly isResumed: boolean },
): StormSummary {
  const sum = (
    key: "cut" | "lost" | "missed" | "duplicated" | "cutOff" | "publishedAgain",
  ) => counts.reduce((sum, each) => sum + each[key], 0);
  const cut = sum("cut");
  const backMs = counts.flatMap((each) => each.backMs).sort((a, b) => a - b);
  const upToDateMs = counts.flatMap((each) => each.upToDateMs).sort((a, b) => a - b);
  const failures = new Map<string, number>();
  for (const each of counts) {
    each.failures.forEach((count, cause) => increment(failures, cause, count));
  }
  return {
    cut,
    back: backMs.length,
    upToDate: upToDateMs.length,
    isResumed,
    lost: sum("lost"),
    missed: sum("missed"),
    duplicated: sum("duplicated"),
    cutOff: sum("cutOff"),
    publishedAgain: sum("publishedAgain"),
    failures,
    backMs: timesOf(backMs, cut),
    upToDateMs: timesOf(upToDateMs, cut),
    connectsPerSecond: connectsPerSecond(backMs),
  };
}

function timesOf(sortedMs: readonly number[], count: number): StormTimes {
  const timeOf = (part: number) => sortedMs[Math.max(1, Math.ceil(count * part)) - 1];
  return { half: timeOf(0.5), p99: timeOf(0.99), all: timeOf(1) };
}

/** The length of the time in which the peak is looked for. */
const PEAK_MS = 100;

function connectsPerSecond(sortedMs: readonly number[]) {
  let most = 0;
  for (let first = 0, last = 0; last < sortedMs.length; last++) {
    while (sortedMs[last]! - sortedMs[first]! >= PEAK_MS) first++;
    most = Math.max(most, last - first + 1);
  }
  const lastMs = sortedMs.at(-1) ?? 0;
  return { peak: most * 1000 / PEAK_MS, mean: lastMs > 0 ? sortedMs.length * 1000 / lastMs : 0 };
}
