import type { TimelinePoint } from "../measure/recorder.ts";
import type { RatePlan } from "../pace/rate_plan.ts";

/** What the line tells of the plan of a run. */
export type Plan = Pick<RatePlan, "warmupMs" | "steadyMs" | "stages">;

/**
 * The state of a run in one line:
 * `steady 3 of 10 s · 4000 sent/s · 1996000 delivered/s · p99 5.2 ms · missing 0 · 500 open`.
 */
export function progressLine(point: TimelinePoint, plan: Plan): string {
  const { phase, phaseSeconds, stage, sentPerSecond, deliveriesPerSecond, p99SoFar, missing } =
    point;
  const open = `${point.connections} open`;
  if (phase === "connecting") return `${phase} ${phaseSeconds.toFixed(0)} s · ${open}`;
  const totalMs = { "warm-up": plan.warmupMs, steady: plan.steadyMs, draining: 0 }[phase];
  const total = totalMs > 0 ? ` of ${(totalMs / 1000).toFixed(0)}` : "";
  return [
    `${phase} ${phaseSeconds.toFixed(0)}${total} s`,
    ...stage === undefined ? [] : [`stage ${stage} of ${plan.stages.length}`],
    `${sentPerSecond.toFixed(0)} sent/s`,
    `${deliveriesPerSecond.toFixed(0)} delivered/s`,
    `p99 ${p99SoFar === undefined ? "–" : p99SoFar.toFixed(1)} ms`,
    `missing ${missing}`,
    open,
  ].join(" · ");
}
