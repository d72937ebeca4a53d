import type { TimelinePoint } from "../../measure/recorder.ts";

/** A phase or a stage of a run, as charts shade it. */
export interface PhaseBand {
  /** The name of the phase, or of a stage: `stage 1`. */
  readonly name: string;
  /** When it began and ended, in seconds since the run began. */
  readonly from: number;
  readonly to: number;
  /** Whether to shade it: all phases but the steady one, and every second stage. */
  readonly isShaded: boolean;
}

/** Returns the phases of a timeline, without gaps between them. */
export function phaseBands(
  timeline: readonly Pick<TimelinePoint, "seconds" | "phase" | "phaseSeconds" | "stage">[],
): readonly PhaseBand[] {
  const starts = timeline.flatMap((point, at) => {
    const { phase, stage, seconds, phaseSeconds } = point;
    const before = timeline[at - 1];
    if (phase === before?.phase && stage === before.stage) return [];
    return [{
      name: stage === undefined ? phase : `stage ${stage}`,
      // A stage is known to have begun only since the point before.
      from: phase === before?.phase ? before.seconds : Math.max(0, seconds - phaseSeconds),
      isShaded: stage === undefined ? phase !== "steady" : stage % 2 === 0,
    }];
  });
  const end = timeline.at(-1)?.seconds ?? 0;
  return starts.map((start, at) => ({ ...start, to: starts[at + 1]?.from ?? end }));
}
