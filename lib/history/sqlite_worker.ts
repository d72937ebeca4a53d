/// <reference lib="deno.worker" />
import type { Batch } from "../chat/history/history.ts";
import { SqliteWriter, type SqliteWriterOptions } from "./sqlite_writer.ts";

/** How often what is too old is looked for, in milliseconds. */
const TRIM_INTERVAL_MS = 100;

/** What the thread is told. */
export type WriterRequest =
  | { readonly type: "open"; readonly options: SqliteWriterOptions }
  | { readonly type: "append"; readonly batches: readonly Batch[] }
  | { readonly type: "close" };

/** What it answers, each time. */
export interface WriterAnswer {
  /** Why it could not be done. */
  readonly fault: string | undefined;
}

let writer: SqliteWriter | undefined;
let trimming: ReturnType<typeof setInterval> | undefined;

function handle(request: WriterRequest): void {
  switch (request.type) {
    case "open": {
      const opened = new SqliteWriter(request.options);
      writer = opened;
      trimming = setInterval(() => {
        try {
          opened.trimByAge(Date.now());
        } catch {
          // The next append meets the same fault, and tells it.
        }
      }, TRIM_INTERVAL_MS);
      return;
    }
    case "append":
      return writer!.append(request.batches);
    case "close":
      clearInterval(trimming);
      writer?.[Symbol.dispose]();
  }
}

self.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  let fault: string | undefined;
  try {
    handle(data);
  } catch (error) {
    fault = error instanceof Error ? error.message : String(error);
  }
  self.postMessage({ fault } satisfies WriterAnswer);
};
