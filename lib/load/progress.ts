import type { TimelinePoint } from "./recorder.ts";

/** How long the phases that send take; what has no end is Infinity. */
export interface Plan {
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** Where a run is, in a line: `steady 3 of 10 s · 4000 messages/s · 1996000 deliveries/s · p99 5.2 ms · lost 0 · 500 connected`. */
export function progressLine(point: TimelinePoint, secondsInPhase: number, plan: Plan): string {
  const { phase, sentPerSecond, deliveriesPerSecond, p99, missing, connections } = point;
  const totalMs = phase === "warm-up" ? plan.warmupMs : phase === "steady" ? plan.durationMs : 0;
  const total = totalMs > 0 ? ` of ${(totalMs / 1000).toFixed(0)}` : "";
  return [
    `${phase} ${secondsInPhase.toFixed(0)}${total} s`,
    `${sentPerSecond.toFixed(0)} messages/s`,
    `${deliveriesPerSecond.toFixed(0)} deliveries/s`,
    `p99 ${p99 === undefined ? "–" : p99.toFixed(1)} ms`,
    `lost ${missing}`,
    `${connections} connected`,
  ].join(" · ");
}

/** Makes the lines of a run, which knows when each phase began. */
export function progressLines(plan: Plan): (point: TimelinePoint) => string {
  let phase = "";
  let sinceSeconds = 0;
  let lastSeconds = 0;
  return (point) => {
    if (point.phase !== phase) {
      phase = point.phase;
      sinceSeconds = lastSeconds;
    }
    lastSeconds = point.seconds;
    return progressLine(point, point.seconds - sinceSeconds, plan);
  };
}
