/// <reference lib="deno.worker" />
import type { AgeRange } from "../chat/history/age_range.ts";
import type { Batch } from "../chat/history/history.ts";
import { dataFileReason } from "./data_file_error.ts";
import { SqliteWriter, type SqliteWriterOptions } from "./sqlite_writer.ts";

/** A request to the writer thread. */
export type WriterRequest =
  | { readonly type: "open"; readonly options: SqliteWriterOptions }
  | { readonly type: "append"; readonly batches: readonly Batch[] }
  | { readonly type: "tidy"; readonly range: AgeRange }
  | { readonly type: "delete"; readonly room: string; readonly upTo: number }
  | { readonly type: "close" };

/** The answer to a request. */
export interface WriterAnswer {
  /** Why the request failed; undefined if it succeeded. */
  readonly reason: string | undefined;
  /** Whether there is more to tidy or to delete. */
  readonly hasMore: boolean;
}

let writer: SqliteWriter | undefined;

/** Handles a request. Returns whether there is more to tidy or to delete. */
function handle(request: WriterRequest): boolean {
  switch (request.type) {
    case "open":
      writer = openWriter(request.options);
      return false;
    case "append":
      writer!.append(request.batches);
      return false;
    case "tidy":
      return writer!.tidy(request.range);
    case "delete":
      return writer!.delete(request.room, request.upTo);
    case "close":
      writer?.[Symbol.dispose]();
      return false;
  }
}

function openWriter(options: SqliteWriterOptions): SqliteWriter {
  try {
    return new SqliteWriter(options);
  } catch (cause) {
    // Only the message goes to the other thread, not the code.
    throw new Error(dataFileReason(cause), { cause });
  }
}

self.onmessage = ({ data }: MessageEvent<WriterRequest>) => {
  let reason: string | undefined;
  let hasMore = false;
  try {
    hasMore = handle(data);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  self.postMessage({ reason, hasMore } satisfies WriterAnswer);
};
