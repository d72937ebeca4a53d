import { assertEquals, assertStringIncludes } from "@std/assert";
import { ChorusPeer, type MessageOf } from "../socket/chorus_peer.ts";
import { Peer } from "../socket/peer.ts";
import { startTestApp } from "../socket/test_app.ts";

/** A folder on a file system of 1 MB; undefined if this process may not mount one. */
async function mountSmallDisk(): Promise<
  AsyncDisposable & { readonly folder: string } | undefined
> {
  const folder = await Deno.makeTempDir();
  const { success } = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder],
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  if (!success) {
    await Deno.remove(folder);
    return undefined;
  }
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await new Deno.Command("umount", { args: [folder] }).output();
      await Deno.remove(folder);
    },
  };
}

Deno.test("on a full disk chat goes on, and messages are committed once there is space", async () => {
  await using disk = await mountSmallDisk();
  if (!disk) {
    console.warn("*** FULL DISK TEST SKIPPED: it needs root to mount a tmpfs ***");
    return;
  }
  const { folder } = disk;
  await using server = await startTestApp({ data: `${folder}/chat.db` });
  await using publisher = await ChorusPeer.open(server.url);
  await using other = await Peer.open(server.url);
  await Deno.writeFile(`${folder}/filler`, new Uint8Array(700_000));
  const long = "x".repeat(60_000);
  let count = 0;
  let response: MessageOf<"ack" | "error">;
  do {
    publisher.say(`${count} ${long}`, `${count++}`);
    response = await publisher.next("ack", "error");
  } while (response.type === "ack");
  assertEquals(response.code, "not_committed");
  assertStringIncludes(String((await server.logged("{error}")).properties.error), "full");
  assertEquals((await other.take(count)).length, count);
  await Deno.remove(`${folder}/filler`);
  // The same id again is acked once it is committed, and not published twice.
  publisher.say("again", `${count - 1}`);
  while ((await publisher.next("ack", "error")).type !== "ack");
  publisher.say("at last", "last");
  assertEquals(await other.next(), "at last");
});
