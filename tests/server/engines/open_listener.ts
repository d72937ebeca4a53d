// Opens a listener on the host of the first argument, and prints which connections it accepts
// until the one from the second argument.
import type { Logger } from "@logtape/logtape";
import type { Socket } from "node:net";
import { Listener } from "../../../lib/server/engines/listener.ts";

const [hostname, expected] = Deno.args;
const warn = (message: string, properties: unknown) => console.log(message, properties);
const listener = new Listener({
  endpoint: { host: hostname!, port: 0, reusePort: false },
  logger: { warning: warn } as unknown as Logger,
  acceptsTransports: false,
  onConnection: (accepted) => {
    const { remoteAddress } = accepted as Socket;
    console.log(remoteAddress);
    accepted.destroy();
    if (remoteAddress === expected) listener.close();
  },
});
await listener.open();
