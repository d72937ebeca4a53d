import type { CloseStatus } from "../../websocket/close_frame.ts";
import type { Connection } from "./connect.ts";
import { delay } from "../delay.ts";

/** A server that has not answered our close after this long is not waited for. */
const CLOSE_TIMEOUT_MS = 2000;

/** Closes a connection. @returns How it ended: with 1006 if the server did not answer in time. */
export async function leave(connection: Connection): Promise<CloseStatus> {
  connection.close(1000);
  const timeout = new AbortController();
  const unanswered = delay(CLOSE_TIMEOUT_MS, timeout.signal).then((): CloseStatus => ({
    code: 1006,
    reason: "our close went unanswered",
  }));
  const close = await Promise.race([connection.closed, unanswered]);
  timeout.abort();
  connection.destroy();
  return close;
}
