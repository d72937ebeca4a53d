import type { Socket } from "node:net";
import type { Target } from "../connection/connect.ts";
import { openSocket } from "../connection/open_socket.ts";

/**
 * Opens a connection for `node:http`, with the same TLS settings as those for WebSockets.
 *
 * @param turn Connections take turns over the addresses of the target.
 */
export function connectForHttp(target: Target, turn: number): Socket {
  const socket = openSocket(target, turn);
  socket.setNoDelay(true);
  // Otherwise node:http would go on using a connection that the server has ended.
  socket.once("end", () => socket.end());
  return socket;
}
