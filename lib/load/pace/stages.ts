import { parseDurationMs } from "../../cli/flags/duration.ts";
import type { Pacer } from "./pacer.ts";

/** A part of a run. Its rate changes evenly, from that at the end of the stage before. */
export interface Stage {
  readonly durationMs: number;
  /** The rate at its end, in messages per second. */
  readonly rate: number;
}

/** The highest rate of a stage, in messages per second. */
const MAX_RATE = 1_000_000;

/** Parses a stage such as `30s:1000`. @returns undefined if the text is not a stage. */
export function parseStage(text: string): Stage | undefined {
  const [, duration = "", rate] = text.match(/^(.*):(\d{1,7})$/) ?? [];
  const durationMs = parseDurationMs(duration);
  if (durationMs === undefined || Number(rate) > MAX_RATE) return undefined;
  return { durationMs, rate: Number(rate) };
}

/** A stage, and what comes before it. */
export interface Ramp extends Stage {
  readonly startMs: number;
  /** The rate at its beginning, in messages per second. */
  readonly startRate: number;
  /** How many messages are due before it. */
  readonly sentBefore: number;
}

/** A rate that changes evenly from stage to stage. */
export class StagePacer implements Pacer {
  /** The stages, in their order. */
  readonly ramps: readonly Ramp[];

  /** @param startRate The rate at the beginning of the first stage, in messages per second. */
  constructor(stages: readonly Stage[], startRate: number) {
    const ramps: Ramp[] = [];
    let ramp: Ramp | undefined;
    for (const { durationMs, rate } of stages) {
      ramp = {
        durationMs,
        rate,
        startMs: ramp ? ramp.startMs + ramp.durationMs : 0,
        startRate: ramp ? ramp.rate : startRate,
        sentBefore: ramp ? ramp.sentBefore + messagesOf(ramp, ramp.durationMs) : 0,
      };
      ramps.push(ramp);
    }
    this.ramps = ramps;
  }

  /** The integral of the rate: how many messages are due in the first `elapsedMs`. */
  messagesBy(elapsedMs: number): number {
    const ramp = this.ramps.findLast(({ startMs }) => startMs <= elapsedMs);
    if (!ramp) return 0;
    const inRampMs = Math.min(elapsedMs - ramp.startMs, ramp.durationMs);
    return ramp.sentBefore + messagesOf(ramp, inRampMs);
  }

  /** The inverse of {@linkcode messagesBy}. While the rate is 0, no message is due. */
  dueMs(index: number): number {
    const ramp = this.ramps.find((each) =>
      index < each.sentBefore + messagesOf(each, each.durationMs)
    );
    if (!ramp) return Infinity;
    const { startMs, startRate, sentBefore } = ramp;
    const count = 1000 * (index - sentBefore);
    if (count === 0 && startRate > 0) return startMs;
    // The positive root of: growth / 2 × ms² + startRate × ms = count. This form of it stays exact
    // if the growth is small or 0.
    const root = Math.sqrt(Math.max(0, startRate ** 2 + 2 * growthOf(ramp) * count));
    return startMs + (count === 0 ? 0 : 2 * count / (startRate + root));
  }
}

/** By how much the rate grows in a millisecond. */
function growthOf({ startRate, rate, durationMs }: Ramp): number {
  return (rate - startRate) / durationMs;
}

/** How many messages are due in the first `ms` of a ramp. */
function messagesOf(ramp: Ramp, ms: number): number {
  return ms === 0 ? 0 : (ramp.startRate + growthOf(ramp) * ms / 2) * ms / 1000;
}
