// Joins a room with a replay, in its own process, and prints how long that takes as JSON.
// Arguments: the port, the query, how many messages to wait for, and how often to join.
import { Poller } from "../libc.ts";
import { Client } from "./client.ts";
import type { ReplayTimes } from "./loads.ts";

const [port, query, expected, count] = Deno.args as [string, string, string, string];

const poller = new Poller();

function join(): ReplayTimes {
  const startMs = performance.now();
  let messages = 0;
  let firstMs = NaN;
  const client = new Client(poller, 0, {
    port: Number(port),
    query,
    onFrame: () => {
      if (messages++ === 0) firstMs = performance.now() - startMs;
    },
  });
  while (messages < Number(expected)) poller.wait(20, (_tag, what) => client.onEvent(what));
  client.end();
  return { firstMs, lastMs: performance.now() - startMs };
}

console.log(JSON.stringify(Array.from({ length: Number(count) }, join)));
Deno.exit();
