// Lets many members join a room at one node, in its own process, and prints when the other nodes
// have told their members of all of them, as JSON. It then holds the members until stdin ends.
// Arguments: the port of the node, the other ports, how many members join, and how many members the
// room has then.
import { Poller } from "../libc.ts";
import { Client } from "./client.ts";
import type { StormTimes } from "./loads.ts";

const CONNECT_WINDOW = 64;

const port = Number(Deno.args[0]);
const otherPorts = Deno.args[1]!.split(",").filter(Boolean).map(Number);
const joinCount = Number(Deno.args[2]);
const memberCount = Number(Deno.args[3]);

const poller = new Poller();
const decoder = new TextDecoder();
const clients: Client[] = [];
/** The number of members that each watcher has heard of last. */
const counts = otherPorts.map(() => 0);
let eventBytes = 0;

function open(port: number, name: string, protocol?: string, onFrame = (_text: string) => {}) {
  const client = new Client(poller, clients.length, {
    port,
    query: `room=hall&name=${name}`,
    ...protocol && { protocol },
    onFrame: (bytes, start, end) => onFrame(decoder.decode(bytes.subarray(start, end))),
  });
  clients.push(client);
}

function pumpUntil(isOver: () => boolean): void {
  while (!isOver()) poller.wait(20, (tag, what) => clients[tag]!.onEvent(what));
}

otherPorts.forEach((port, index) =>
  open(port, `watcher${index}`, "chorus.v1", (text) => {
    const { memberCount } = JSON.parse(text);
    if (memberCount !== undefined) counts[index] = memberCount;
    eventBytes += text.length;
  })
);
pumpUntil(() => counts.every((count) => count >= otherPorts.length));
const startMs = performance.now();
for (let first = 0; clients.length < joinCount + otherPorts.length; first++) {
  const until = Math.min(joinCount, first + CONNECT_WINDOW) + otherPorts.length;
  while (clients.length < until) open(port, `member%20${clients.length}`);
  pumpUntil(() => clients[first + otherPorts.length]!.isUpgraded);
}
pumpUntil(() => clients.every(({ isUpgraded }) => isUpgraded));
const joinedMs = performance.now() - startMs;
pumpUntil(() => counts.every((count) => count === memberCount));
const times: StormTimes = { joinedMs, seenMs: performance.now() - startMs, eventBytes };
console.log(JSON.stringify(times));
await Deno.stdin.readable.pipeTo(new WritableStream());
Deno.exit();
