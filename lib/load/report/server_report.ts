import type { ServerSummary } from "../measure/server_metrics.ts";

/** The server's own figures, under a heading; no lines if they were not asked for. */
export function serverLines(server: ServerSummary | undefined): readonly string[] {
  if (!server) return [];
  return [
    line("The server", "mean", "max"),
    figureLine("busy, cores", server.cpuCores, 2),
    figureLine("memory, MB", mapped(server.memoryBytes, (bytes) => bytes / 1e6), 1),
    figureLine("event loop lag, ms", server.lagMs, 2),
  ];
}

type Figure = ServerSummary[keyof ServerSummary];

function mapped(figure: Figure, map: (value: number) => number): Figure {
  return figure && { mean: map(figure.mean), max: map(figure.max) };
}

function figureLine(name: string, figure: Figure, digits: number): string {
  if (!figure) return `  ${name.padEnd(NAME_WIDTH - 2)} not measured`;
  return line(`  ${name}`, figure.mean.toFixed(digits), figure.max.toFixed(digits));
}

const NAME_WIDTH = 22;

function line(name: string, mean: string, max: string): string {
  return name.padEnd(NAME_WIDTH) + mean.padStart(9) + max.padStart(9);
}
