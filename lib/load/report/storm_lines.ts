import type { Measurement } from "../measure/measurement.ts";
import type { StormTimes } from "../measure/storm_summary.ts";
import { formatNumber } from "./report.ts";

/** What became of the users that were cut off, under a heading. */
export function stormLines({ storm }: Measurement): readonly string[] {
  if (!storm) return [];
  const { cut, back, isResumed, upToDate, failures, connectsPerSecond: { peak, mean } } = storm;
  const causes = [...failures].map(([cause, count]) => `${formatNumber(count)} × ${cause}`).join(
    ", ",
  );
  return [
    "Storm",
    `  cut          ${formatNumber(cut)}`,
    `  back         ${formatNumber(back)}${timesText(storm.backMs)}`,
    `  connects     ${formatNumber(peak)} per second at the peak, ${formatNumber(mean)} on average`,
    ...causes === "" ? [] : [`  failed       ${causes}`],
    ...isResumed
      ? [
        `  up to date   ${formatNumber(upToDate)}${timesText(storm.upToDateMs)}`,
        `  lost         ${formatNumber(storm.lost)} over the break`,
        `  sent again   ${formatNumber(storm.publishedAgain)}, because their acks had not arrived`,
      ]
      : [
        `  missed       ${formatNumber(storm.missed)} over the break`,
        `  cut off      ${formatNumber(storm.cutOff)} messages on their way to the server`,
      ],
    `  duplicated   ${formatNumber(storm.duplicated)} over the break`,
  ];
}

/** What became of the users that were cut off, for JSON; undefined without a storm. */
export function stormJson({ storm }: Measurement) {
  return storm && { ...storm, failures: Object.fromEntries(storm.failures) };
}

function timesText({ half, p99, all }: StormTimes): string {
  const times = Object.entries({ "half": half, "99 %": p99, "all": all })
    .filter(([, ms]) => ms !== undefined)
    .map(([part, ms]) => `${part} after ${(ms! / 1000).toFixed(2)} s`);
  return times.length === 0 ? "" : `: ${times.join(", ")}`;
}
