import { assert, assertEquals } from "@std/assert";
import { type ChatStorage, connect } from "../../../lib/server/page/chorus.js";
import { encodeToken } from "../../server/security/tokens/issuer.ts";
import { Observer } from "./observer.ts";
import { type Json, ScriptedServer } from "./scripted_server.ts";

/** A storage in memory. */
class MemoryStorage implements ChatStorage {
  readonly items = new Map<string, string>();

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }

  /** What a program finds after a crash at this moment. */
  copy(): MemoryStorage {
    const copy = new MemoryStorage();
    for (const [key, value] of this.items) copy.setItem(key, value);
    return copy;
  }
}

/** A message of the member `ann`. */
function said(position: string, text: string): Json {
  return { type: "said", position, from: "ann", name: null, text, at: "2026-11-25T21:00:00.000Z" };
}

/** The library as another process loads it: it knows nothing of this one. */
const { connect: connectAgain }: { connect: typeof connect } = await import(
  `${import.meta.resolve("../../../lib/server/page/chorus.js")}?again`
);

Deno.test("unsent messages survive a crash, and are sent with their session, ids, and order", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  using ann = new Observer(connect(server.url, { storage }));
  const connection = await server.connections.take();
  connection.welcome();
  const ids = ["a", "b", "c"].map((text) => ann.chat.send(text).id);
  for (const _ of ids) await connection.next();
  // The first is acked. The second is published, but its ack is lost in the crash.
  connection.send({ type: "ack", id: ids[0], position: "p1" });
  await ann.until(() => ann.messages.length === 1);

  using later = new Observer(connectAgain(server.url, { storage: storage.copy() }));
  const next = await server.connections.take();
  await later.in("connecting");
  assertEquals(later.chat.outbox.map(({ id, text }) => [id, text]), [[ids[1], "b"], [ids[2], "c"]]);
  later.chat.send("d");
  assertEquals(next.query.session, "ann.SIGNATURE");
  next.welcome();
  assertEquals(await next.next(), { type: "say", id: ids[1], text: "b" });
  assertEquals(await next.next(), { type: "say", id: ids[2], text: "c" });
  assertEquals((await next.next()).text, "d");
  const said = { type: "said", from: "ann", name: null, at: "2026-11-25T21:00:00.000Z" };
  next.send(
    { type: "ack", id: ids[1], position: "p2", duplicate: true },
    { ...said, position: "p3", text: "c" },
    { type: "ack", id: ids[2], position: "p3" },
  );
  await later.until(() => later.messages.length === 2);
  assertEquals(later.messages.map(({ id, isOwn }) => [id, isOwn]), [[ids[1], true], [
    ids[2],
    true,
  ]]);
});

for (const wasSent of [false, true]) {
  const when = wasSent ? "sent, but lost," : "never sent";
  Deno.test(`a message that was ${when} before a crash is delivered besides an old one with its text`, async () => {
    await using server = await ScriptedServer.start();
    const storage = new MemoryStorage();
    using ann = new Observer(connect(server.url, { storage }));
    const connection = await server.connections.take();
    connection.welcome();
    await ann.in("open");
    if (!wasSent) {
      server.answer = () => ({ status: 503, detail: "full" });
      connection.reset();
      await ann.in("waiting");
    }
    const { id } = ann.chat.send("ok");
    if (wasSent) await connection.next();
    const copy = storage.copy();
    ann.chat.close();

    server.answer = () => undefined;
    using later = new Observer(connectAgain(server.url, { storage: copy, last: 50 }));
    const next = await server.connections.take();
    next.welcome({ head: "p1" });
    next.send(said("p1", "ok"));
    assertEquals(await next.next(), { type: "say", id, text: "ok" });
    next.send(said("p2", "ok"), { type: "ack", id, position: "p2" }, said("p3", "ok"));
    await later.until(() => later.messages.length === 3);
    assertEquals(later.messages.map(({ position }) => position), ["p1", "p2", "p3"]);
    assertEquals(later.messages[1]!.id, id);
    if (!wasSent) assertEquals(later.messages[0]!.id, undefined);
    assertEquals(later.chat.outbox, []);
  });
}

Deno.test("a message that was published before a crash is delivered once, by the replay", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  using ann = new Observer(connect(server.url, { storage }));
  const connection = await server.connections.take();
  connection.welcome();
  const { id } = ann.chat.send("ok");
  await connection.next();

  using later = new Observer(connectAgain(server.url, { storage: storage.copy(), last: 50 }));
  const next = await server.connections.take();
  next.welcome({ head: "p2" });
  // The first one is older than the one that was in flight.
  next.send(said("p1", "ok"), said("p2", "ok"));
  assertEquals(await next.next(), { type: "say", id, text: "ok" });
  next.send({ type: "ack", id, position: "p2", duplicate: true }, said("p3", "end"));
  await later.until(() => later.texts.at(-1) === "end");
  assertEquals(later.messages.map(({ position }) => position), ["p1", "p2", "p3"]);
  assertEquals(later.messages.filter((each) => each.id === id).length, 1);
  assertEquals(later.chat.outbox, []);
});

Deno.test("a message that is sent before the first replay is not taken for an old one", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { last: 50 }));
  const { id } = ann.chat.send("ok");
  const connection = await server.connections.take();
  connection.welcome({ head: "p1" });
  connection.send(said("p1", "ok"));
  await connection.next();
  connection.send(said("p2", "ok"), { type: "ack", id, position: "p2" });
  await ann.until(() => ann.messages.length === 2);
  assertEquals(ann.messages.map((each) => each.id), [undefined, id]);
});

Deno.test("a message that is acked or refused leaves the storage", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  using ann = new Observer(connect(server.url, { storage }));
  const connection = await server.connections.take();
  connection.welcome();
  for (const type of ["ack", "error"]) {
    const { id } = ann.chat.send("a");
    await connection.next();
    assertEquals(storage.length, 2);
    connection.send({ type, id, position: "p1", code: "forbidden", message: "No" });
    connection.send({ type: "joined", members: [], memberCount: 2 });
    const presenceCount = ann.presences.length;
    await ann.until(() => ann.presences.length > presenceCount);
    assertEquals(storage.length, 1);
  }
});

Deno.test("a closed client leaves its unsent messages to the next one", async () => {
  await using server = await ScriptedServer.start();
  server.answer = () => ({ status: 503, detail: "full" });
  const storage = new MemoryStorage();
  const ann = new Observer(connect(server.url, { storage }));
  const sent = ann.chat.send("a");
  await ann.in("waiting");
  ann.chat.close();
  assertEquals(await sent.catch(({ code }) => code), "closed");
  using later = new Observer(connect(server.url, { storage }));
  await later.in("connecting");
  assertEquals(later.chat.outbox.map(({ id }) => id), [sent.id]);
});

Deno.test("two clients with one storage are two sessions, and so are two rooms", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  const rooms = ["lobby", "lobby", "lobby2"];
  const clients = rooms.map((room) => new Observer(connect(server.url, { storage, room })));
  for (const each of clients) each.chat.send("unsent");
  for (const _ of rooms) {
    const { query } = await server.connections.take();
    assertEquals(query.session, undefined);
  }
  assertEquals(storage.length, 6);
  for (const each of clients) each.chat.close();
});

Deno.test("a session of another user is not continued", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  const tokenOf = (sub: string) => encodeToken({ alg: "HS256" }, { sub, name: "Änn" }, "c2ln");
  const visits = [["ann", undefined], ["bob", undefined], ["ann", "ann.SIGNATURE"]] as const;
  for (const [user, session] of visits) {
    using visitor = new Observer(connect(server.url, { storage, token: tokenOf(user) }));
    const connection = await server.connections.take();
    assertEquals(connection.query.session, session);
    connection.welcome({ session: `${user}.SIGNATURE` });
    await visitor.in("open");
    assertEquals(visitor.chat.outbox.length, session ? 1 : 0);
    visitor.chat.send("unsent");
  }
});

Deno.test("a message that cannot be stored is sent nevertheless, and that is reported once", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  storage.setItem = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  using ann = new Observer(connect(server.url, { storage }));
  for (const text of ["a", "b"]) ann.chat.send(text);
  const connection = await server.connections.take();
  connection.welcome();
  assertEquals((await connection.next()).text, "a");
  assertEquals((await connection.next()).text, "b");
  assertEquals(ann.errors.map(({ code }) => code), ["not_stored"]);
});

Deno.test("a storage that cannot be read is not used", async () => {
  await using server = await ScriptedServer.start();
  const storage = new Proxy(new MemoryStorage(), {
    get: () => {
      throw new DOMException("forbidden", "SecurityError");
    },
  });
  using ann = new Observer(connect(server.url, { storage }));
  ann.chat.send("a");
  const connection = await server.connections.take();
  connection.welcome();
  assertEquals((await connection.next()).text, "a");
  assertEquals(ann.errors, []);
});

Deno.test("old sessions and damaged items are removed, and nothing of others", async () => {
  await using server = await ScriptedServer.start();
  const storage = new MemoryStorage();
  const weekAgoMs = Date.now() - 8 * 24 * 3600_000;
  const scope = `chorus ${server.url.replace("http", "ws")}ws lobby`;
  const message = JSON.stringify({ text: "old", createdAtMs: weekAgoMs, order: 1 });
  storage.setItem(`${scope} old`, JSON.stringify({ session: "s", usedAtMs: weekAgoMs }));
  storage.setItem(`${scope} old m1`, message);
  storage.setItem(`${scope} damaged`, "{");
  storage.setItem(`${scope} damaged m1`, message);
  storage.setItem(`${scope} gone m1`, message);
  storage.setItem(`${scope}2 other`, "another room");
  storage.setItem("theme", "dark");
  using ann = new Observer(connect(server.url, { storage }));
  await ann.in("connecting");
  const keys = [...storage.items.keys()].filter((key) => !key.startsWith(`${scope} `));
  assertEquals(keys, [`${scope}2 other`, "theme"]);
  assertEquals([storage.length, ann.chat.outbox], [3, []]);
  assert(!storage.items.has(`${scope} old`));
});
