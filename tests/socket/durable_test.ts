import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { validate } from "@std/uuid/v7";
import { DatabaseSync } from "node:sqlite";
import type { ServerConfig } from "../../lib/server/config.ts";
import { ChorusPeer, type MessageOf, textOf } from "./chorus_peer.ts";
import { lockFile, tempFile } from "./data_file.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

/** The message of the error with which a server does not start. */
async function startError(overrides: Partial<ServerConfig>): Promise<string> {
  try {
    await using _server = await startTestApp(overrides);
  } catch (error) {
    return (error as Error).message;
  }
  return "it has started";
}

for (const engine of ENGINES) {
  for (const durability of ["process", "power"] as const) {
    Deno.test(`${engine}: with --data, a restart loses nothing, --durability ${durability}`, async () => {
      await using file = await tempFile();
      const config = { engine, data: file.path, durability };
      let position, session, you, ack;
      {
        await using server = await startTestApp(config);
        await using one = await ChorusPeer.open(`${server.url}?name=Ann`);
        await using reader = await ChorusPeer.open(server.url);
        ({ position } = reader.welcome);
        ({ session, you } = one.welcome);
        one.say("one", "c1");
        ack = await one.next("ack");
        one.say("two", "c2");
        await one.next("ack");
      }
      await using server = await startTestApp(config);
      await using again = await ChorusPeer.open(`${server.url}?session=${session}`);
      assertEquals(again.welcome.you, you);
      again.say("one", "c1");
      assertEquals(await again.next("ack"), { ...ack, duplicate: true });
      await using reader = await ChorusPeer.open(`${server.url}?since=${position}`);
      await using plain = await Peer.open(`${server.url}?last=1`);
      assertEquals(reader.welcome.recovered, true);
      again.say("three", "c3");
      const said = [];
      while (said.length < 3) said.push(await reader.next("said"));
      assertEquals(said.map((each) => [textOf(each), each.name]), [
        ["one", "Ann"],
        ["two", "Ann"],
        ["three", null],
      ]);
      assertEquals(said[0]!.position, ack.position);
      assertEquals(await plain.take(2), ["two", "three"]);
      const older = new URL(`/rooms/lobby/messages?before=${ack.position}`, server.app.url);
      const { messages, recovered } = await (await fetch(older)).json();
      assertEquals([recovered, messages.length, messages[0].text], [true, 1, "one"]);
      const rooms = await (await fetch(new URL("/rooms", server.app.url))).json();
      assertEquals(rooms.rooms, [{ name: "lobby", memberCount: 3, position: said[2]!.position }]);
    });
  }

  Deno.test(`${engine}: with --data, a replay reads the messages that the log has dropped from the file, without a gap`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp({
      engine,
      data: file.path,
      logRetentionBytes: 64 * 1024,
    });
    await using publisher = await ChorusPeer.open(server.url);
    const { position } = publisher.welcome;
    const count = 2000;
    const text = (index: number) => `${index} ${"x".repeat(100)}`;
    // The serve engine cannot hold senders back. So this one waits for acks, and later for the
    // readers, or they would fall behind the short log.
    const say = async (index: number) => {
      publisher.say(text(index), `${index}`);
      if (index % 50 === 49) { while ((await publisher.next("ack")).id !== `${index}`); }
    };
    for (let index = 0; index < count; index++) await say(index);
    await using chorus = await ChorusPeer.open(`${server.url}?since=${position}`);
    await using plain = await Peer.open(`${server.url}?since=${position}`);
    const received = { chorus: [] as unknown[], plain: [] as unknown[] };
    const readUpTo = async (end: number) => {
      received.chorus.push(...await chorus.texts(end - received.chorus.length));
      received.plain.push(...await plain.take(end - received.plain.length));
    };
    for (let index = count; index < 2 * count; index++) {
      await say(index);
      if (index % 50 === 49) await readUpTo(index - 100);
    }
    await readUpTo(2 * count);
    const texts = Array.from({ length: 2 * count }, (_, index) => text(index));
    assertEquals(received, { chorus: texts, plain: texts });
  });

  Deno.test(`${engine}: with --data, an empty room takes no memory`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp({ engine, data: file.path });
    const one = await ChorusPeer.open(`${server.url}?room=tea`);
    one.say("hi", "c1");
    const ack = await one.next("ack");
    await closeAll([one]);
    await server.logged("{id} disconnected");
    assertEquals(server.app.chat.rooms.size, 0);
    await using again = await ChorusPeer.open(`${server.url}?room=tea`);
    assertEquals(again.welcome.position, ack.position);
  });

  Deno.test(`${engine}: while the file cannot be written, chat goes on and senders get an error`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp({ engine, data: file.path });
    await using one = await ChorusPeer.open(server.url);
    await using other = await Peer.open(server.url);
    one.say("committed", "c1");
    await one.next("ack");
    const unlock = lockFile(file.path);
    one.say("not committed yet", "c2");
    assertEquals(await other.take(2), ["committed", "not committed yet"]);
    const error = await one.next("error", "ack");
    assert(error.type === "error");
    assertEquals([error.code, error.id], ["not_committed", "c2"]);
    assertStringIncludes(
      String((await server.logged("{error}")).properties.error),
      "locked",
    );
    const refused = await fetch(new URL("/rooms/lobby/messages", server.app.url), {
      method: "POST",
      headers: { "content-type": "text/plain" },
      body: "nor is this",
    });
    assertEquals([refused.status, (await refused.json()).title], [503, "Service Unavailable"]);
    unlock();
    one.say("not committed yet", "c2");
    const ack = await one.next("ack", "error");
    assert(ack.type === "ack");
    assertEquals([ack.id, ack.position.split("-")[1]], ["c2", "2"]);
    await using late = await ChorusPeer.open(`${server.url}?last=10`);
    assertEquals(await late.texts(3), ["committed", "not committed yet", "nor is this"]);
  });
}

Deno.test("messages published over HTTP faster than they can be committed wait, and none is refused", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path, logRetentionBytes: 64 * 1024 });
  const body = "x".repeat(60_000);
  const answers = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const url = new URL("/rooms/tea/messages", server.app.url);
      const headers = { "content-type": "text/plain" };
      const answer = await fetch(url, { method: "POST", headers, body });
      await answer.body?.cancel();
      return answer.status;
    }),
  );
  assertEquals(answers, Array.from(answers, () => 201));
});

Deno.test("a reader gets a gap for messages that were never committed, and every message around it", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path, logRetentionBytes: 64 * 1024 });
  await using one = await ChorusPeer.open(server.url);
  const { position } = one.welcome;
  const count = 1000;
  for (let index = 1; index <= count; index++) {
    one.say(`${index} ${"x".repeat(1000)}`, `${index}`);
  }
  for (let index = 1; index <= count; index++) await one.next("ack");
  const database = new DatabaseSync(file.path);
  database.exec("DELETE FROM messages WHERE seq BETWEEN 40 AND 49");
  database.close();
  await using late = await ChorusPeer.open(`${server.url}?since=${position}`);
  const seqs: number[] = [];
  let gap: MessageOf<"gap"> & { readonly behind: number | undefined } | undefined;
  while (seqs.length < count - 10) {
    const next = await late.next("said", "gap");
    if (next.type === "said") seqs.push(Number(next.position.split("-")[1]));
    else gap = { ...next, behind: seqs.at(-1) };
  }
  const all = Array.from({ length: count }, (_, index) => index + 1);
  assertEquals(seqs, all.filter((seq) => seq < 40 || seq > 49));
  const epoch = position.split("-")[0];
  assertEquals(gap, {
    type: "gap",
    after: `${epoch}-39`,
    before: `${epoch}-50`,
    missedCount: 10,
    reason: "not committed",
    behind: 39,
  });
  const url = new URL("/rooms/lobby/messages?limit=45", server.app.url);
  const pages = [];
  for (let path: string | undefined = url.pathname + url.search; path;) {
    const response: Response = await fetch(new URL(path, url));
    const { messages, recovered, missedCount } = await response.json();
    pages.push(messages.length);
    // The first page has no position, and ends before the gap.
    assertEquals(
      [recovered, missedCount],
      [[false, 0], [false, 10], [true, 0]][Math.min(2, pages.length - 1)],
    );
    path = response.headers.get("link")?.match(/^<(.*)>; rel="next"$/)?.[1];
  }
  assertEquals(pages.reduce((one, other) => one + other), count - 10);
  // Backwards, a page ends behind the gap as well, and the next one tells of it.
  const gaps: unknown[] = [];
  const back: number[] = [];
  let before = `/rooms/lobby/messages?before=${epoch}-${count}&limit=45`;
  while (before) {
    const response: Response = await fetch(new URL(before, url));
    const { messages, recovered, missedCount } = await response.json();
    if (!recovered) gaps.push({ newerSeq: back[0], missedCount });
    back.unshift(
      ...messages.map(({ position }: { position: string }) => Number(position.split("-")[1])),
    );
    before = response.headers.get("link")?.match(/^<(.*)>; rel="prev"$/)?.[1] ?? "";
  }
  assertEquals(back, seqs);
  assertEquals(gaps, [{ newerSeq: 50, missedCount: 10 }]);
});

Deno.test("--history-messages limits the messages of a room in the file", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path, historyMessages: 10 });
  await using one = await ChorusPeer.open(server.url);
  const { position } = one.welcome;
  for (let index = 1; index <= 100; index++) {
    one.say(`${index}`, `${index}`);
    await one.next("ack");
  }
  await using late = await ChorusPeer.open(`${server.url}?since=${position}`);
  assertEquals((await late.next("gap")).missedCount, 90);
  assertEquals((await late.texts(10)).at(0), "91");
  const read = async (before: string) => {
    const url = new URL(`/rooms/lobby/messages?limit=6&before=${before}`, server.app.url);
    const response = await fetch(url);
    const { messages, before: next } = await response.json();
    const texts = messages.map(({ text }: { text: string }) => text);
    return { texts, next, hasOlder: response.headers.has("link") };
  };
  const newest = await read(position.replace(/\d+$/, "100"));
  assertEquals([newest.texts.at(0), newest.hasOlder], ["95", true]);
  const oldest = await read(newest.next);
  assertEquals([oldest.texts, oldest.hasOlder], [["91", "92", "93", "94"], false]);
  // A position whose messages are gone.
  assertEquals(await read(position), { texts: [], next: position, hasOlder: false });
  const database = new DatabaseSync(file.path, { readOnly: true });
  assertEquals(database.prepare("SELECT count(*) AS count FROM messages").get()!.count, 10);
  database.close();
});

Deno.test("a file that is not a database of this or an older Chorus is refused and left as it is", async () => {
  await using file = await tempFile();
  const { path } = file;
  await Deno.writeTextFile(path, "precious ".repeat(1000));
  const before = await Deno.readFile(path);
  assertStringIncludes(await startError({ data: path }), "not an SQLite database");
  assertEquals(await Deno.readFile(path), before);
  await Deno.remove(path);
  let database = new DatabaseSync(path);
  database.exec("CREATE TABLE precious (a)");
  database.close();
  assertStringIncludes(await startError({ data: path }), "another program");
  await Deno.remove(path);
  {
    await using _server = await startTestApp({ data: path });
    assertStringIncludes(await startError({ data: path }), "another server uses it");
  }
  database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assertStringIncludes(await startError({ data: path }), "newer Chorus");
  assert((await startError({ data: `${path}/nowhere` })).length > 0);
});

Deno.test("a file of the first schema is migrated and still has its messages", async () => {
  await using file = await tempFile();
  let position;
  {
    await using server = await startTestApp({ data: file.path });
    await using one = await ChorusPeer.open(server.url);
    one.say("one", "c1");
    ({ position } = await one.next("ack"));
  }
  const database = new DatabaseSync(file.path);
  const INDEX = "SELECT sql FROM sqlite_schema WHERE name = 'messages_by_id'";
  const { sql } = database.prepare(INDEX).get()!;
  database.exec(`
    DROP INDEX messages_by_id;
    CREATE INDEX messages_by_id ON messages (room, id) WHERE id IS NOT NULL;
    ALTER TABLE messages RENAME COLUMN seq TO number;
    PRAGMA user_version = 1;
  `);
  {
    await using server = await startTestApp({ data: file.path });
    await using one = await ChorusPeer.open(`${server.url}?last=1`);
    assertEquals((await one.next("said")).position, position);
  }
  assertEquals(database.prepare(INDEX).get()!.sql, sql);
  database.close();
});

Deno.test("while stored messages cannot be read, HTTP answers with problem details", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path });
  const database = new DatabaseSync(file.path);
  database.exec("DROP TABLE rooms");
  database.close();
  for (const path of ["/rooms", "/rooms/tea/messages", "/rooms/tea/events"]) {
    const response = await fetch(new URL(path, server.app.url));
    assertEquals([response.status, (await response.json()).status], [503, 503]);
    assert(response.headers.has("retry-after"));
    const { properties } = await server.logged("{error}");
    assertStringIncludes(String(properties.error), "no such table");
  }
});

Deno.test("while stored messages cannot be read, joins are closed with 1013 and live chat goes on", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path });
  await using publisher = await ChorusPeer.open(server.url);
  await using listener = await Peer.open(server.url);
  publisher.say("one", "c1");
  await publisher.next("ack");
  const database = new DatabaseSync(file.path);
  database.exec("ALTER TABLE messages RENAME TO moved");
  const refused = await Peer.open(`${server.url}?last=1`);
  assertEquals((await refused.closed).code, 1013);
  publisher.say("not looked up", "c2");
  const error = await publisher.next("error", "ack");
  assert(error.type === "error");
  assertEquals([error.code, error.id], ["not_committed", "c2"]);
  publisher.say("live");
  assertEquals(await listener.take(2), ["one", "live"]);
  database.exec("ALTER TABLE moved RENAME TO messages");
  database.close();
  publisher.say("not looked up", "c2");
  await publisher.next("ack");
  await using late = await Peer.open(`${server.url}?last=3`);
  assertEquals(await late.take(3), ["one", "live", "not looked up"]);
});

Deno.test("a file that is damaged inside does not stop the chat", async () => {
  await using file = await tempFile();
  {
    await using server = await startTestApp({ data: file.path });
    await using one = await ChorusPeer.open(server.url);
    for (let index = 0; index < 200; index++) one.say(`${index} ${"x".repeat(1000)}`, `${index}`);
    for (let index = 0; index < 200; index++) await one.next("ack");
  }
  const database = await Deno.open(file.path, { write: true, read: true });
  const { size } = await database.stat();
  for (let page = 8; page < size / 4096; page++) {
    await database.seek(page * 4096, Deno.SeekMode.Start);
    await database.write(new Uint8Array(64).fill(0xff));
  }
  database.close();
  await using server = await startTestApp({ data: file.path });
  const refused = await Peer.open(`${server.url}?last=100`);
  assertEquals((await refused.closed).code, 1013);
  const { properties } = await server.logged("{id} failed: {error}");
  assertStringIncludes(String(properties.error), "malformed");
  assert(validate(String(properties.id)));
  await using one = await ChorusPeer.open(server.url);
  await using other = await Peer.open(server.url);
  one.say("still here");
  assertEquals(await other.next(), "still here");
});
