import { readText } from "./libc.ts";

/** The CPU time and memory that a process and its children have used. */
export interface Usage {
  readonly userSeconds: number;
  readonly kernelSeconds: number;
  readonly residentKb: number;
  readonly peakKb: number;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** Reads the usage of process trees from /proc, all together. */
export function usageOf(...pids: readonly number[]): Usage {
  const sum = { userSeconds: 0, kernelSeconds: 0, residentKb: 0, peakKb: 0 };
  for (const each of pids.flatMap(treeOf)) {
    const status = readText(`/proc/${each}/status`) ?? "";
    sum.residentKb += Number(status.match(/^VmRSS:\s+(\d+)/m)?.[1] ?? 0);
    sum.peakKb += Number(status.match(/^VmHWM:\s+(\d+)/m)?.[1] ?? 0);
    // The fields follow the name, which is in parentheses and may contain spaces.
    const fields = (readText(`/proc/${each}/stat`) ?? "").split(") ").at(-1)!.split(" ");
    sum.userSeconds += Number(fields[11] ?? 0) / CLOCK_TICKS_PER_SECOND;
    sum.kernelSeconds += Number(fields[12] ?? 0) / CLOCK_TICKS_PER_SECOND;
  }
  return sum;
}

function treeOf(pid: number): number[] {
  const children = (readText(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").filter(Boolean);
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}
