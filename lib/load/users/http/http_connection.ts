import type { Socket } from "node:net";
import { connectTo, type Target } from "../connect.ts";

/**
 * Opens a connection for `node:http`, with the same TLS settings as those for WebSockets.
 *
 * @param turn Connections take turns over the addresses of the target.
 */
export function connectForHttp(target: Target, turn: number): Socket {
  const socket = connectTo(target, turn);
  socket.setNoDelay(true);
  // Otherwise node:http would go on using a connection that the server has ended.
  socket.once("end", () => socket.end());
  return socket;
}
