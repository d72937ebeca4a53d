// Opens a listener on the socket that this process has inherited, greets each client, and prints
// warnings.
import type { Logger } from "@logtape/logtape";
import type { Socket } from "node:net";
import { Listener } from "../../../lib/server/engines/listener.ts";

// Deno opens a file for its signals at the first use, and would panic without one.
Deno.addSignalListener("SIGTERM", () => Deno.exit());

const listener = new Listener({
  endpoint: { fd: 3 },
  logger: { warning: console.log } as unknown as Logger,
  acceptsTransports: false,
  onConnection: (accepted) => {
    const socket = accepted as Socket;
    socket.on("error", () => {}).on("end", () => socket.end()).resume().write("hello");
  },
});
await listener.open();
