import type { Socket } from "node:net";
import { connectTo, type Target } from "../connect.ts";

/** Opens a connection for `node:http`, with the same TLS settings as those for WebSockets. */
export function connectForHttp(target: Target): Socket {
  const socket = connectTo(target);
  socket.setNoDelay(true);
  // Otherwise node:http would go on using a connection that the server has ended.
  socket.once("end", () => socket.end());
  return socket;
}
