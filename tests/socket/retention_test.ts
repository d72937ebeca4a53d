import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { backup, DatabaseSync } from "node:sqlite";
import { ChorusPeer, type MessageOf } from "./chorus_peer.ts";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

const HOUR_MS = 60 * 60 * 1000;

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Publishes over HTTP. */
async function publish({ app }: TestApp, text: string): Promise<number> {
  const url = new URL("/rooms/tea/messages", app.url);
  const headers = { "content-type": "text/plain" };
  const response = await fetch(url, { method: "POST", headers, body: text });
  await response.body?.cancel();
  return response.status;
}

/** The texts of the history. */
async function textsOf({ app }: TestApp): Promise<string[]> {
  const response = await fetch(new URL("/rooms/tea/messages", app.url));
  const { messages } = await response.json();
  return messages.map(({ text }: { text: string }) => text);
}

function sizeOf(path: string): number {
  return Deno.statSync(path).size;
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a lower --history-messages shortens the file after a restart, at rest`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/chat.db`;
      const count = 3000;
      {
        await using server = await startTestApp({ engine, data: path });
        await using one = await ChorusPeer.open(server.url);
        for (let index = 1; index <= count; index++) {
          one.say(`${index} ${"x".repeat(100)}`, `${index}`);
        }
        for (let index = 1; index <= count; index++) await one.next("ack");
      }
      assert(sizeOf(path) > 100 * count);
      using watcher = Deno.watchFs(folder);
      await using server = await startTestApp({ engine, data: path, historyMessages: 10 });
      for await (const _ of watcher) {
        if (sizeOf(path) < 100_000 && sizeOf(`${path}-wal`) === 0) break;
      }
      using database = new DatabaseSync(path, { readOnly: true });
      const { first, last } = database.prepare(
        "SELECT min(seq) AS first, max(seq) AS last FROM messages",
      ).get()!;
      assertEquals([first, last], [count - 9, count]);
      await using late = await Peer.open(`${server.url}?last=100`);
      const texts = await late.take(10);
      assertEquals([texts[0], texts[9]].map((text) => parseInt(String(text))), [first, last]);
    }));

  Deno.test(`${engine}: a server that cannot listen closes the data file and unlocks it`, () =>
    withFolder(async (folder) => {
      const data = `${folder}/chat.db`;
      {
        using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = taken.addr as Deno.NetAddr;
        const error = await startTestApp({ engine, data, port }).catch((error) => error);
        assertEquals(error.cause.code, "EADDRINUSE");
      }
      await using _server = await startTestApp({ engine, data });
    }));

  for (const data of ["in memory", "with --data"]) {
    Deno.test(`${engine}, ${data}: a clock that jumps hides no message until it is steady for an hour`, () =>
      withFolder(async (folder) => {
        let [wallMs, monotonicMs] = [100 * HOUR_MS, 0];
        const pass = (hours: number, jumpHours = 0) => {
          monotonicMs += hours * HOUR_MS;
          wallMs += (hours + jumpHours) * HOUR_MS;
        };
        const path = data === "in memory" ? "" : `${folder}/chat.db`;
        const config = { engine, data: path, historyAgeMs: 3 * HOUR_MS };
        await using server = await startTestApp(config, {
          clocks: { readMs: () => wallMs, monotonicMs: () => monotonicMs },
        });
        assertEquals(await publish(server, "one"), 201);
        pass(2);
        await publish(server, "two");
        assertEquals(await textsOf(server), ["one", "two"]);
        pass(0, 10);
        assertEquals(await textsOf(server), ["one", "two"]);
        assertEquals((await server.logged("The system clock has jumped")).properties.seconds, 36e3);
        await publish(server, "three, from the future");
        pass(0, -10);
        assertEquals(await textsOf(server), ["one", "two", "three, from the future"]);
        assertEquals((await server.logged("The system clock")).properties.seconds, -36e3);
        pass(1.5);
        assertEquals(await textsOf(server), ["two", "three, from the future"]);
        pass(0, 10);
        assertEquals(await textsOf(server), ["two", "three, from the future"]);
        pass(1);
        assertEquals(await textsOf(server), ["three, from the future"]);
      }));

    Deno.test(`${engine}, ${data}: a message from the future keeps no old one, and goes with the next`, () =>
      withFolder(async (folder) => {
        let [wallMs, monotonicMs] = [100 * HOUR_MS, 0];
        const pass = (hours: number, jumpHours = 0) => {
          monotonicMs += hours * HOUR_MS;
          wallMs += (hours + jumpHours) * HOUR_MS;
        };
        const tenYears = 10 * 365 * 24;
        const path = data === "in memory" ? "" : `${folder}/chat.db`;
        const config = { engine, data: path, historyAgeMs: 3 * HOUR_MS };
        await using server = await startTestApp(config, {
          clocks: { readMs: () => wallMs, monotonicMs: () => monotonicMs },
        });
        pass(0, tenYears);
        assertEquals(await publish(server, "from the future"), 201);
        pass(0, -tenYears);
        await publish(server, "one");
        pass(2);
        await publish(server, "two");
        assertEquals(await textsOf(server), ["from the future", "one", "two"]);
        pass(2);
        assertEquals(await textsOf(server), ["two"]);
        pass(44);
        assertEquals(await textsOf(server), []);
        await publish(server, "three");
        assertEquals(await textsOf(server), ["three"]);
      }));
  }
}

Deno.test("a deleted data file fails commits with an error, and the chat goes on", () =>
  withFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    await using server = await startTestApp({ data: path });
    await using one = await ChorusPeer.open(server.url);
    await using other = await Peer.open(server.url);
    one.say("committed", "c1");
    await one.next("ack");
    await Deno.remove(path);
    // The server may need a moment to notice.
    let count = 1;
    let response: MessageOf<"ack" | "error">;
    do {
      one.say(`${++count}`, `c${count}`);
      response = await one.next("ack", "error");
    } while (response.type === "ack");
    assertEquals([response.code, response.id], ["not_committed", `c${count}`]);
    assertEquals((await other.take(count)).at(-1), `${count}`);
    assertStringIncludes(
      String((await server.logged("{error}")).properties.error),
      `${path} was deleted while the server uses it; restart the server`,
    );
  }));

Deno.test("a backup made while the server runs can be restored, and positions stay valid", () =>
  withFolder(async (folder) => {
    const copy = `${folder}/copy.db`;
    let position;
    {
      await using server = await startTestApp({ data: `${folder}/chat.db` });
      await using one = await ChorusPeer.open(server.url);
      ({ position } = one.welcome);
      one.say("one", "c1");
      await one.next("ack");
      using database = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
      await backup(database, copy);
      one.say("two", "c2");
      await one.next("ack");
    }
    await using server = await startTestApp({ data: copy });
    await using one = await ChorusPeer.open(`${server.url}?since=${position}`);
    assertEquals(one.welcome.recovered, true);
    assertEquals(await one.texts(1), ["one"]);
    one.say("three", "c3");
    assertEquals((await one.next("ack")).position.split("-")[1], "2");
  }));
