import type { CloseStatus } from "../../websocket/close_frame.ts";
import { delay } from "../delay.ts";
import type { Connection } from "./connect.ts";

/** How long the server may take to answer a close frame. */
const CLOSE_TIMEOUT_MS = 2000;

/** Closes a connection. @returns How it ended: with 1006 if the server did not answer in time. */
export async function leave(connection: Connection): Promise<CloseStatus> {
  connection.close(1000);
  const timeout = new AbortController();
  const unanswered = delay(CLOSE_TIMEOUT_MS, timeout.signal).then((): CloseStatus => ({
    code: 1006,
    reason: "the server did not answer the close frame",
  }));
  const status = await Promise.race([connection.closed, unanswered]);
  timeout.abort();
  connection.destroy();
  return status;
}
