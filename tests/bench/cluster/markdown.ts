import { short } from "../chart.ts";
import { statisticOf } from "../statistics.ts";

/** Returns a table. The first column has the names of the rows; the others are aligned right. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = columns.map((_, index) => index === 0 ? "---" : "--:");
  return [line(columns), line(rule), ...rows.map(line), ""].join("\n");
}

/** Returns the median of some numbers, with the smallest and the largest in parentheses. */
export function spread(values: readonly (number | undefined)[]): string {
  const statistic = statisticOf(values);
  if (!statistic) return "–";
  const { median, min, max } = statistic;
  return min === max ? signed(median) : `${signed(median)} (${signed(min)} – ${signed(max)})`;
}

function signed(value: number): string {
  return value < 0 ? `−${short(-value)}` : short(value);
}
