import { assertEquals } from "@std/assert";
import { encodeFrames } from "../../lib/chat/log/frames.ts";
import { SqliteHistory } from "../../lib/history/sqlite_history.ts";

/** A batch of one message, the first of its room. */
function batchOf(room: string) {
  return {
    room,
    epoch: { name: "0123456789abcdef", after: 0 },
    first: 1,
    frames: encodeFrames(["hi"]),
    runs: [{ first: 1, author: { id: null, name: null }, atMs: 0 }],
    ids: [],
  };
}

Deno.test("what is on its way when a history closes is kept, and what comes later is refused", async () => {
  const folder = await Deno.makeTempDir();
  const options = {
    path: `${folder}/chat.db`,
    durability: "process",
    historyMessages: 0,
    historyAgeMs: 0,
  } as const;
  const history = await SqliteHistory.open(options);
  const appended = ["tea", "milk"].map((room) => history.append([batchOf(room)]));
  const closed = history[Symbol.asyncDispose]();
  await Promise.all([...appended, closed]);
  const fault = await history.append([batchOf("sugar")]).catch((error) => error.message);
  assertEquals(fault, "it is closed");
  {
    await using again = await SqliteHistory.open(options);
    assertEquals(again.roomNames("", 10), ["milk", "tea"]);
  }
  await Deno.remove(folder, { recursive: true });
});
