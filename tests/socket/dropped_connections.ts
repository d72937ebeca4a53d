import { assert, assertEquals } from "@std/assert";
import { RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

const BATCH_SIZE = 100;

/**
 * Opens `count` connections, drops them at once, and checks that the server has none left.
 *
 * `checkFiles` also checks that no file descriptor is left. It fails if other tests run in this
 * process.
 */
export async function dropConnections(count: number, { checkFiles = false } = {}): Promise<void> {
  await using server = await startTestApp({ greeting: "unread, so that dropping resets" });
  const openBefore = await openFileCount();
  const peers: RawPeer[] = [];
  while (peers.length < count) {
    const batch = Array.from({ length: BATCH_SIZE }, () => RawPeer.upgrade(server.port));
    peers.push(...await Promise.all(batch));
  }
  assertEquals([server.app.chat.size, server.app.wires.size], [count, count]);
  for (const peer of peers) peer[Symbol.dispose]();
  for (const _ of peers) await server.logged("{id} disconnected");
  assertEquals([server.app.chat.size, server.app.wires.size], [0, 0]);
  // The system may close the descriptors of this end a little later.
  for (let left = 100; checkFiles && await openFileCount() > openBefore; left--) {
    assert(left > 0, "File descriptors are left open");
  }
  assertEquals(await establishedCount(server.port), 0);
}

/** Counts the open file descriptors of this process. */
async function openFileCount(): Promise<number> {
  const { stdout } = await new Deno.Command("ls", { args: [`/proc/${Deno.pid}/fd`] }).output();
  return new TextDecoder().decode(stdout).split("\n").length;
}

/** Counts the established TCP connections to and from a port. */
async function establishedCount(port: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: ["/proc/net/tcp"] }).output();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return new TextDecoder().decode(stdout).split("\n")
    .filter((line) => line.includes(`:${hex} `) && line.split(/\s+/)[4] === "01").length;
}
