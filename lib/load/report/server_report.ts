import type { ServerSummary } from "../measure/server_metrics.ts";
import { formatDecimals } from "./report.ts";

/** The server's own figures, with their names and how their values are shown. */
export const SERVER_FIGURES = [
  ["cpuCores", "busy, cores", (cores: number) => formatDecimals(cores, 2)],
  ["memoryBytes", "memory, MB", (bytes: number) => formatDecimals(bytes / 1e6, 1)],
  ["lagMs", "event loop lag, ms", (ms: number) => formatDecimals(ms, 2)],
] as const;

/** The server's own figures, under a heading; no lines if they were not asked for. */
export function serverLines(server: ServerSummary | undefined): readonly string[] {
  if (!server) return [];
  return [
    line("The server", "mean", "max"),
    ...SERVER_FIGURES.map(([key, name, format]) => {
      const figure = server[key];
      return figure
        ? line(`  ${name}`, format(figure.mean), format(figure.max))
        : `  ${name.padEnd(NAME_WIDTH - 2)} not measured`;
    }),
  ];
}

const NAME_WIDTH = 22;

function line(name: string, mean: string, max: string): string {
  return name.padEnd(NAME_WIDTH) + mean.padStart(9) + max.padStart(9);
}
