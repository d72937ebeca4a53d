import { OutputFileError } from "./report/output_file.ts";
import { SavedRunError } from "./report/saved_run/saved_run.ts";
import { CaCertError } from "./users/target.ts";
import { UsersFileError } from "./users/users_file.ts";
import { WorkerError } from "./users/worker_thread.ts";

const EXPECTED = [CaCertError, OutputFileError, SavedRunError, UsersFileError, WorkerError];

/** Whether the message of an error is all that the user of the client needs. */
export function isExpectedError(error: unknown): error is Error {
  return EXPECTED.some((each) => error instanceof each);
}
