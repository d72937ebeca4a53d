import { constantPacer, type Pacer } from "./pacer.ts";
import { parseStage, type Ramp, StagePacer } from "./stages.ts";

/** The flags that set how fast to send, and for how long. */
export interface RateFlags {
  readonly rate: number;
  readonly stage: readonly string[];
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** How fast to send, and for how long. */
export interface RatePlan {
  readonly warmupMs: number;
  /** How long the steady phase lasts; 0 means until Ctrl-C. */
  readonly steadyMs: number;
  /** The stages of the steady phase. Empty if its rate does not change. */
  readonly stages: readonly Ramp[];
  /** When each message is due after the start; undefined if users send at their intervals. */
  readonly pacer: Pacer | undefined;
  /** The highest rate, in messages per second. */
  readonly peakRate: number;
  /** How many messages are due in the first `ms` of the steady phase; 0 without a rate. */
  readonly steadyMessages: (ms: number) => number;
}

/**
 * Makes a plan of valid flags.
 *
 * With `--stage`, `--rate` is the rate at the beginning of the first stage. The warm-up sends at
 * that rate, so without it there is no warm-up.
 */
export function ratePlanOf({ rate, stage, warmupMs, durationMs }: RateFlags): RatePlan {
  if (stage.length === 0) {
    return {
      warmupMs,
      steadyMs: durationMs,
      stages: [],
      pacer: rate > 0 ? constantPacer(rate) : undefined,
      peakRate: rate,
      steadyMessages: (ms) => rate * ms / 1000,
    };
  }
  const stages = stage.map((text) => parseStage(text)!);
  const warmup = { durationMs: rate > 0 ? warmupMs : 0, rate };
  const steady = new StagePacer(stages, rate);
  return {
    warmupMs: warmup.durationMs,
    steadyMs: stages.reduce((sum, each) => sum + each.durationMs, 0),
    stages: steady.ramps,
    pacer: new StagePacer([warmup, ...stages], rate),
    peakRate: Math.max(rate, ...stages.map((each) => each.rate)),
    steadyMessages: (ms) => steady.messagesBy(ms),
  };
}

/** The stage at a time of the steady phase, as an index from 1; undefined without stages. */
export function stageAt(stages: readonly Ramp[], steadyMs: number): number | undefined {
  const at = stages.findLastIndex(({ startMs }) => startMs <= steadyMs);
  return at < 0 ? undefined : at + 1;
}
