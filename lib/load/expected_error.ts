import { HistoryError } from "./history/history_pages.ts";
import { ServerMetricsError } from "./measure/server_metrics.ts";
import { OutputFileError } from "./report/output_file.ts";
import { SavedRunError } from "./report/saved_run/saved_run.ts";
import { LocalAddressError } from "./users/connection/local_address.ts";
import { CaCertError } from "./users/connection/target.ts";
import { UsersFileError } from "./users/users_file.ts";
import { WorkerError } from "./users/worker_thread.ts";

const EXPECTED = [
  CaCertError,
  HistoryError,
  LocalAddressError,
  OutputFileError,
  SavedRunError,
  ServerMetricsError,
  UsersFileError,
  WorkerError,
] as const;

/** Whether the message of an error is all that the user needs. Others are faults of the client. */
export function isExpected(error: unknown): error is Error {
  return EXPECTED.some((each) => error instanceof each);
}
