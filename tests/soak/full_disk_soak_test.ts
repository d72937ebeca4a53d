import { assertEquals, assertStringIncludes } from "@std/assert";
import { ChorusPeer, type MessageOf } from "../socket/chorus_peer.ts";
import { Peer } from "../socket/peer.ts";
import { startTestApp } from "../socket/test_app.ts";

/** A folder on a file system of this size; undefined if this process may not mount one. */
async function mountSmallDisk(megabytes: number): Promise<
  AsyncDisposable & { readonly folder: string } | undefined
> {
  const folder = await Deno.makeTempDir();
  const { success } = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder],
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  if (!success) {
    console.warn("*** DISK TEST SKIPPED: it needs root to mount a tmpfs ***");
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
  await using disk = await mountSmallDisk(1);
  if (!disk) return;
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
  publisher.say(`${count - 1} ${long}`, `${count - 1}`);
  while ((await publisher.next("ack", "error")).type !== "ack");
  publisher.say("at last", "last");
  assertEquals(await other.next(), "at last");
});

Deno.test("on a full disk trimming fails with one line, and goes on once there is space", async () => {
  await using disk = await mountSmallDisk(4);
  if (!disk) return;
  const { folder } = disk;
  const data = `${folder}/chat.db`;
  {
    await using server = await startTestApp({ data });
    await using publisher = await ChorusPeer.open(server.url);
    for (let index = 0; index < 300; index++) publisher.say("x".repeat(1000), `${index}`);
    for (let index = 0; index < 300; index++) await publisher.next("ack");
  }
  // SQLite needs a little space to open the file at all.
  await Deno.writeFile(`${folder}/filler`, new Uint8Array(4_130_000 - Deno.statSync(data).size));
  using watcher = Deno.watchFs(folder);
  await using server = await startTestApp({ data, historyMessages: 10 });
  assertEquals(
    (await server.logged("{error}")).properties.error,
    `Cannot delete old messages from ${data}: database or disk is full`,
  );
  await Deno.remove(`${folder}/filler`);
  for await (const _ of watcher) {
    if (Deno.statSync(data).size < 200_000) break;
  }
  await using late = await Peer.open(`${server.url}?last=100`);
  assertEquals((await late.take(10)).length, 10);
});

Deno.test("a data file on a read-only file system is refused with the reason", async () => {
  await using disk = await mountSmallDisk(1);
  if (!disk) return;
  const data = `${disk.folder}/chat.db`;
  await (await startTestApp({ data }))[Symbol.asyncDispose]();
  const args = ["-o", "remount,ro", disk.folder];
  assertEquals((await new Deno.Command("mount", { args }).output()).success, true);
  const error = await startTestApp({ data }).catch((error) => error);
  assertEquals(
    (error as Error).message,
    `Cannot store messages in --data ${data}: its file system is read-only; choose a file ` +
      "elsewhere",
  );
});
