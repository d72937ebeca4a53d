// Opens a listener on a shared port, lets it run out of file descriptors while a client connects,
// and prints what the client and the logger get. Arguments: how many other servers share the port,
// and when this process has file descriptors again: before or after the listener's checks.
import type { Logger } from "@logtape/logtape";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Listener } from "../../../lib/server/engines/listener.ts";

const otherCount = Number(Deno.args[0]);
const recoversBefore = Deno.args[1] === "before";

/** The listener's checks. They begin when this script says so, and are quick. */
const checks: (() => void)[] = [];
const setRealInterval = globalThis.setInterval;
globalThis.setInterval =
  ((check: () => void) => checks.push(check)) as unknown as typeof setInterval;

const warned = Promise.withResolvers<void>();
const listener = new Listener({
  endpoint: { host: "127.0.0.1", port: 0, reusePort: true },
  logger: {
    warning: (message: string) => {
      console.log(message);
      warned.resolve();
    },
  } as unknown as Logger,
  acceptsTransports: false,
  onConnection: (accepted) => {
    const socket = accepted as Socket;
    socket.on("error", () => {}).resume().end("accepted");
  },
});
const { port } = await listener.open();

const files: Deno.FsFile[] = [];
try {
  for (;;) files.push(Deno.openSync("/dev/null"));
} catch {
  // The client needs one.
  files.pop()!.close();
}
const client = connect({ host: "127.0.0.1", port });
const ended = Promise.withResolvers<string>();
client.on("data", (bytes) => ended.resolve(String(bytes)));
client.on("error", (error: Error & { code?: string }) => ended.resolve(error.code!));
await once(client, "connect");
// The listener tries to accept it meanwhile.
for (let turn = 0; turn < 10; turn++) await setImmediate();

const release = () => files.splice(0).forEach((file) => file.close());
if (recoversBefore) release();
for (let count = 0; count < otherCount; count++) {
  const other = createServer((socket) => socket.on("error", () => {}).resume());
  await once(other.listen({ host: "127.0.0.1", port, reusePort: true }), "listening");
}
const timer = setRealInterval(() => checks.forEach((check) => check()), 20);
// Alone, the listener always warns.
if (otherCount === 0) await warned.promise;
release();
console.log(await ended.promise);
clearInterval(timer);
Deno.exit();
