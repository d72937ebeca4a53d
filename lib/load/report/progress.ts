import type { TimelinePoint } from "../measure/recorder.ts";

/** How long the sending phases take; 0 means until Ctrl-C. */
export interface PhaseLengths {
  readonly warmupMs: number;
  readonly durationMs: number;
}

/**
 * The state of a run in one line:
 * `steady 3 of 10 s · 4000 sent/s · 1996000 delivered/s · p99 5.2 ms · missing 0 · 500 open`.
 */
export function progressLine(point: TimelinePoint, lengths: PhaseLengths): string {
  const { phase, phaseSeconds, sentPerSecond, deliveriesPerSecond, p99SoFar, missing } = point;
  const open = `${point.connections} open`;
  if (phase === "connecting") return `${phase} ${phaseSeconds.toFixed(0)} s · ${open}`;
  const totalMs = { "warm-up": lengths.warmupMs, steady: lengths.durationMs, draining: 0 }[phase];
  const total = totalMs > 0 ? ` of ${(totalMs / 1000).toFixed(0)}` : "";
  return [
    `${phase} ${phaseSeconds.toFixed(0)}${total} s`,
    `${sentPerSecond.toFixed(0)} sent/s`,
    `${deliveriesPerSecond.toFixed(0)} delivered/s`,
    `p99 ${p99SoFar === undefined ? "–" : p99SoFar.toFixed(1)} ms`,
    `missing ${missing}`,
    open,
  ].join(" · ");
}
