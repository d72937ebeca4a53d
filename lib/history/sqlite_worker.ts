/// <reference lib="deno.worker" />
import type { Batch } from "../chat/history/history.ts";
import { SqliteWriter, type SqliteWriterOptions } from "./sqlite_writer.ts";

/** How often messages are trimmed by age. */
const TRIM_INTERVAL_MS = 100;

/** A request to the writer thread. */
export type WriterRequest =
  | { readonly type: "open"; readonly options: SqliteWriterOptions }
  | { readonly type: "append"; readonly batches: readonly Batch[] }
  | { readonly type: "close" };

/** The answer to a request. */
export interface WriterAnswer {
  /** Why the request failed; undefined if it succeeded. */
  readonly reason: string | undefined;
}

let writer: SqliteWriter | undefined;
let trimTimer: ReturnType<typeof setInterval> | undefined;

function handle(request: WriterRequest): void {
  switch (request.type) {
    case "open": {
      const opened = new SqliteWriter(request.options);
      writer = opened;
      trimTimer = setInterval(() => {
        try {
          opened.trimByAge(Date.now());
        } catch {
          // The next append fails for the same reason and reports it.
        }
      }, TRIM_INTERVAL_MS);
      return;
    }
    case "append":
      return writer!.append(request.batches);
    case "close":
      clearInterval(trimTimer);
      writer?.[Symbol.dispose]();
  }
}

self.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  let reason: string | undefined;
  try {
    handle(data);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  self.postMessage({ reason } satisfies WriterAnswer);
};
