// Opens a listener on the host of the first argument, and prints which connections it accepts
// until the one from the second argument.
import type { Logger } from "@logtape/logtape";
import { Listener } from "../../../lib/server/engines/listener.ts";

const [hostname, expected] = Deno.args;
const warn = (message: string, properties: unknown) => console.log(message, properties);
const listener = new Listener({
  hostname: hostname!,
  port: 0,
  logger: { warning: warn } as unknown as Logger,
  onConnection: (socket) => {
    console.log(socket.remoteAddress);
    socket.destroy();
    if (socket.remoteAddress === expected) listener.close();
  },
});
await listener.open();
