// Opens a listener on a shared port, lets it run out of file descriptors while a client connects,
// and prints what the client and the logger get. If the client is reset, it connects again.
// Arguments: how many other servers share the port, and when this process has file descriptors
// again: "before" the checks of the listener, "after" its first warning, or after the listener has
// "lost" its own one.
import type { Logger } from "@logtape/logtape";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { Listener } from "../../../lib/server/engines/listener.ts";

const otherCount = Number(Deno.args[0]);
const when = Deno.args[1] as "before" | "after" | "lost";

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
takeFiles();
// The client needs one.
files.pop()!.close();
const client = connect({ host: "127.0.0.1", port });
const outcome = outcomeOf(client);
await once(client, "connect");
// The listener tries to accept it meanwhile.
for (let turn = 0; turn < 10; turn++) await setImmediate();

if (when === "before") releaseFiles();
for (let count = 0; count < otherCount; count++) {
  const other = createServer((socket) => socket.on("error", () => {}).resume());
  await once(other.listen({ host: "127.0.0.1", port, reusePort: true }), "listening");
}
setRealInterval(() => {
  for (const check of checks) check();
  // When a check has closed the server, but the next one has not opened a socket yet.
  if (when === "lost" && files.length > 0) takeFiles();
}, 20);
// Alone, the listener always warns.
if (otherCount === 0) await warned.promise;
releaseFiles();
const first = await outcome;
console.log(first);
if (first !== "accepted") {
  while (await outcomeOf(connect({ host: "127.0.0.1", port })) !== "accepted");
  console.log("accepted");
}
Deno.exit();

/** Opens files until there are no more file descriptors. */
function takeFiles(): void {
  try {
    for (;;) files.push(Deno.openSync("/dev/null"));
  } catch {
    // There are no more.
  }
}

function releaseFiles(): void {
  for (const file of files.splice(0)) file.close();
}

/** Returns the text that a client receives, or the code of its error. */
function outcomeOf(socket: Socket): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.on("data", (bytes) => resolve(String(bytes)));
  socket.on("error", (error: Error & { code?: string }) => resolve(error.code!));
  return promise;
}
