import { VERSION } from "../../cli/version.ts";

/** When, where, and with what a run was made. */
export interface RunOrigin {
  /** In ISO 8601. */
  readonly startedAt: string;
  /** The versions of Chorus and Deno. */
  readonly chorus: string;
  readonly deno: string;
  /** The client's operating system and processor, such as `linux x86_64`. */
  readonly system: string;
  /** How many cores the client's machine has. */
  readonly cores: number;
}

/** Returns the origin of a run that starts at a time, in milliseconds since 1970. */
export function runOrigin(startEpochMs: number): RunOrigin {
  return {
    startedAt: new Date(startEpochMs).toISOString(),
    chorus: VERSION,
    deno: Deno.version.deno,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    cores: navigator.hardwareConcurrency,
  };
}
