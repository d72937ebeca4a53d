import { assert, assertEquals, assertRejects } from "@std/assert";
import { ChorusError, connect, textBytes } from "../../../lib/server/page/chorus.js";
import { Observer } from "./observer.ts";
import { type Json, ScriptedServer } from "./scripted_server.ts";

/** A message of the member `ann`. */
function said(position: string, text: string): Json {
  return { type: "said", position, from: "ann", name: null, text, at: "2026-11-25T21:00:00.000Z" };
}

/** The parts of the messages that most tests look at. */
function partsOf({ messages }: Observer) {
  return messages.map(({ position, text, id }) => ({ position, text, id }));
}

Deno.test("send() resolves with the position, after the message", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { name: "Ann" }));
  const sent = ann.chat.send("hi");
  const [waiting] = ann.chat.outbox;
  assertEquals([waiting!.id, waiting!.text, waiting!.createdAt instanceof Date], [
    sent.id,
    "hi",
    true,
  ]);
  const connection = await server.connections.take();
  connection.welcome();
  assertEquals(await connection.next(), { type: "say", id: sent.id, text: "hi" });
  connection.send(said("p1", "hi"), { type: "ack", id: sent.id, position: "p1" });
  assertEquals(await sent, "p1");
  assertEquals(ann.messages, [{
    ...{ position: "p1", from: "ann", name: null, text: "hi", isOwn: true, isReplay: false },
    at: new Date("2026-11-25T21:00:00Z"),
    id: sent.id,
  }]);
  assertEquals(ann.chat.outbox, []);
});

Deno.test("a message whose ack is lost is sent again with its id, and delivered once", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url)).neverWait();
  const sent = [ann.chat.send("a"), ann.chat.send("b"), ann.chat.send("a")];
  const ids = sent.map(({ id }) => id);
  const first = await server.connections.take();
  first.welcome();
  for (const _ of sent) await first.next();
  // The first was delivered, the second was not, and the server never got the third.
  first.send(said("p1", "a"));
  await ann.until(() => ann.messages.length === 1);
  first.reset();
  const second = await server.connections.take();
  assertEquals(second.query.since, "p1");
  second.welcome({ position: "p1", head: "p2", recovered: true });
  second.send(said("p2", "b"));
  for (const id of ids) assertEquals((await second.next()).id, id);
  second.send(
    { type: "ack", id: ids[0], position: "p1", duplicate: true },
    { type: "ack", id: ids[1], position: "p2", duplicate: true },
    said("p3", "a"),
    { type: "ack", id: ids[2], position: "p3" },
  );
  assertEquals(await Promise.all(sent), ["p1", "p2", "p3"]);
  assertEquals(partsOf(ann), [
    { position: "p1", text: "a", id: ids[0] },
    { position: "p2", text: "b", id: ids[1] },
    { position: "p3", text: "a", id: ids[2] },
  ]);
  assertEquals(ann.messages.map(({ isReplay }) => isReplay), [false, true, false]);
});

Deno.test("a message that was delivered is not in the outbox, although its ack is outstanding", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url)).neverWait();
  const sent = ann.chat.send("a");
  const first = await server.connections.take();
  first.welcome();
  await first.next();
  first.send(said("p1", "a"));
  await ann.until(() => ann.messages.length === 1);
  assertEquals(ann.chat.outbox, []);
  first.reset();
  const second = await server.connections.take();
  second.welcome({ position: "p1", head: "p1", recovered: true });
  assertEquals((await second.next()).id, sent.id);
  assertEquals(ann.chat.outbox, []);
  second.send({ type: "ack", id: sent.id, position: "p1", duplicate: true });
  assertEquals([await sent, ann.texts], ["p1", ["a"]]);
});

Deno.test("a message that the server lost after it was delivered is delivered once", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url)).neverWait();
  const sent = ann.chat.send("a");
  const first = await server.connections.take();
  first.welcome();
  await first.next();
  first.send(said("p1", "a"));
  await ann.until(() => ann.messages.length === 1);
  first.reset();
  const second = await server.connections.take();
  // After a restart without --data, the member is another one.
  second.welcome({ you: "anna", position: "q0", head: "q0" });
  await second.next();
  second.send({ ...said("q1", "a"), from: "anna" }, { type: "ack", id: sent.id, position: "q1" });
  assertEquals(await sent, "q1");
  assertEquals([partsOf(ann), ann.chat.position, ann.chat.you], [
    [{ position: "p1", text: "a", id: sent.id }],
    "q1",
    "anna",
  ]);
});

Deno.test("a message in a gap is delivered with its ack, and not again by a replay", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { name: "Ann" })).neverWait();
  const sent = ann.chat.send("a");
  const first = await server.connections.take();
  first.welcome();
  await first.next();
  const gap = { after: "p0", before: "p2", missedCount: 1, reason: "too slow" };
  first.send({ type: "gap", ...gap }, { type: "ack", id: sent.id, position: "p1" });
  assertEquals(await sent, "p1");
  first.reset();
  const second = await server.connections.take();
  assertEquals(second.query.since, "p0");
  second.welcome({ head: "p1", recovered: true });
  second.send(said("p1", "a"), said("p2", "b"));
  await ann.until(() => ann.messages.length === 2);
  assertEquals(ann.gaps, [gap]);
  assertEquals(partsOf(ann), [
    { position: "p1", text: "a", id: sent.id },
    { position: "p2", text: "b", id: undefined },
  ]);
});

Deno.test("a gap ends a replay whose last message may be missing", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { last: 50 }));
  const connection = await server.connections.take();
  connection.welcome({ head: "p3" });
  const gap = { after: "p1", before: "p4", missedCount: 2, reason: "too slow" };
  connection.send(said("p1", "a"), { type: "gap", ...gap }, said("p4", "b"));
  await ann.until(() => ann.messages.length === 2);
  assertEquals(ann.messages.map(({ isReplay }) => isReplay), [true, false]);
});

Deno.test("a message that was not committed is sent again, before those that come after it", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const sent = ann.chat.send("a");
  const connection = await server.connections.take();
  connection.welcome();
  await connection.next();
  connection.send({ type: "error", code: "not_committed", message: "lost", id: sent.id });
  // This comes after the error, so the error is known then.
  connection.send({ type: "joined", members: [], count: 0, memberCount: 2 });
  await ann.until(() => ann.chat.memberCount === 2);
  const later = ann.chat.send("b");
  assertEquals((await connection.next()).id, sent.id);
  assertEquals((await connection.next()).id, later.id);
  assertEquals(ann.errors, []);
});

/** Records the delays of timers. A timer runs only when the test runs it. */
class ManualTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly delaysMs: number[] = [];
  #run = () => {};

  constructor() {
    const start = (run: () => void, delayMs: number) => {
      this.#run = run;
      this.delaysMs.push(delayMs);
    };
    Object.assign(globalThis, { setTimeout: start });
  }

  /** Runs the timer that was started last. */
  runLast(): void {
    this.#run();
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
  }
}

Deno.test("the pauses before a message is sent again double while the server cannot store any", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { heartbeatMs: 1e9 }));
  const connection = await server.connections.take();
  connection.welcome();
  await ann.in("open");
  using timers = new ManualTimers();
  let eventCount = 1;
  const refuse = async ({ id }: { readonly id: string }) => {
    const error = { type: "error", code: "not_committed", message: "too many", id };
    // The first event after the error: then the error is known.
    connection.send(error, { type: "joined", members: [], count: 0, memberCount: ++eventCount });
    await ann.until(() => ann.chat.memberCount === eventCount);
  };
  const checkDelay = (maxMs: number) => {
    const delayMs = timers.delaysMs.at(-1)!;
    assert(delayMs >= maxMs / 2 && delayMs <= maxMs, `${delayMs} of ${maxMs}`);
  };
  const sent = ann.chat.send("a");
  for (let round = 0; round < 3; round++) {
    assertEquals((await connection.next()).id, sent.id);
    await refuse(sent);
    checkDelay(1000);
    if (round < 2) timers.runLast();
  }
  connection.send({ type: "status", storing: false, message: "NATS is down" });
  await ann.until(() => ann.storings.length === 1);
  for (let round = 0; round < 8; round++) {
    timers.runLast();
    assertEquals((await connection.next()).id, sent.id);
    await refuse(sent);
    assertEquals(timers.delaysMs.length, 4 + round);
    checkDelay(Math.min(30_000, 2000 * 2 ** round));
  }
  timers.runLast();
  await connection.next();
  connection.send(said("p1", "a"), { type: "ack", id: sent.id, position: "p1" });
  assertEquals([await sent, ann.texts, ann.errors], ["p1", ["a"], []]);
});

Deno.test("messages that a server refuses because it holds too many come in the order of send()", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { heartbeatMs: 1e9 }));
  const connection = await server.connections.take();
  connection.welcome();
  connection.send({ type: "status", storing: false, message: "NATS is down" });
  await ann.until(() => ann.storings.length === 1);
  using timers = new ManualTimers();
  const texts = Array.from({ length: 30 }, (_, index) => `${index}`);
  const sent = texts.map((text) => ann.chat.send(text));
  const published: string[] = [];
  const commit = (text: string) => {
    published.push(text);
    const position = `p${published.length}`;
    connection.send(said(position, text), { type: "ack", id: sent[Number(text)]!.id, position });
  };
  for (const _ of texts) await connection.next();
  // The server holds three.
  for (const { id } of sent.slice(3)) {
    connection.send({ type: "error", code: "not_committed", message: "too many", id });
  }
  connection.send({ type: "joined", members: [], count: 0, memberCount: 7 });
  await ann.until(() => ann.chat.memberCount === 7);
  timers.runLast();
  // What is refused waits until the server has published what it holds: only this is sent.
  globalThis.dispatchEvent(new Event("online"));
  assertEquals(await connection.next(), { type: "ping" });
  for (const text of texts.slice(0, 3)) commit(text);
  connection.send({ type: "status", storing: true, message: "Messages are stored again" });
  await ann.until(() => ann.storings.length === 2);
  timers.runLast();
  for (const _ of sent.slice(3)) commit(String((await connection.next()).text));
  await Promise.all(sent);
  assertEquals([published, ann.texts, ann.errors], [texts, texts, []]);
});

Deno.test("a message that was refused is sent again soon after the server stores messages", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { heartbeatMs: 1e9 }));
  const connection = await server.connections.take();
  connection.welcome();
  await ann.in("open");
  using timers = new ManualTimers();
  const sent = ann.chat.send("a");
  for (let round = 1; round <= 4; round++) {
    await connection.next();
    connection.send(
      { type: "error", code: "not_committed", message: "too many", id: sent.id },
      { type: "status", storing: false, message: "NATS is down" },
    );
    await ann.until(() => ann.storings.length === round);
    if (round < 4) timers.runLast();
  }
  assert(timers.delaysMs.at(-1)! >= 4000);
  connection.send({ type: "status", storing: true, message: "Messages are stored again" });
  await ann.until(() => ann.storings.at(-1)!.storing);
  assert(timers.delaysMs.at(-1)! <= 1000);
  timers.runLast();
  assertEquals(await connection.next(), { type: "say", id: sent.id, text: "a" });
  connection.send(said("p1", "a"), { type: "ack", id: sent.id, position: "p1" });
  assertEquals([await sent, ann.texts, ann.errors], ["p1", ["a"], []]);
});

Deno.test("a message that the server holds waits for its ack, and is not sent again", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const connection = await server.connections.take();
  connection.welcome();
  const outage = { storing: false, message: "NATS is down" };
  const end = { storing: true, message: "Messages are stored again" };
  connection.send({ type: "status", ...outage });
  const sent = ann.chat.send("a");
  await connection.next();
  connection.send({ type: "status", ...end });
  connection.send(said("p1", "a"), { type: "ack", id: sent.id, position: "p1" });
  assertEquals(await sent, "p1");
  const later = ann.chat.send("b");
  assertEquals((await connection.next()).id, later.id);
  assertEquals([ann.storings, ann.texts], [[outage, end], ["a"]]);
});

Deno.test("a message that the server refuses is rejected, and leaves the outbox", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const connection = await server.connections.take();
  connection.welcome();
  for (const code of ["forbidden", "id_reused", "of_tomorrow"]) {
    const sent = ann.chat.send("a");
    await connection.next();
    connection.send({ type: "error", code, message: "No", id: sent.id });
    const error = await assertRejects(() => sent, ChorusError, "No");
    assertEquals([error.code, error.id, ann.chat.outbox], [code, sent.id, []]);
  }
  assertEquals(ann.errors, []);
});

Deno.test("send() refuses a text that is too big for the server, or not a text", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  assertEquals(ann.chat.maxMessageBytes, undefined);
  const early = ann.chat.send("x".repeat(200));
  const connection = await server.connections.take();
  connection.welcome({ maxMessageBytes: 200 });
  await assertRejects(() => early, ChorusError, "too long");
  const { maxMessageBytes } = ann.chat;
  const texts = ["x".repeat(maxMessageBytes!), '"'.repeat(maxMessageBytes! / 2)];
  for (const text of texts) {
    assert(textBytes(text) <= maxMessageBytes!);
    ann.chat.send(text);
    assert(JSON.stringify(await connection.next()).length <= 200);
    for (const longer of [`${text}x`, `${text}é`]) {
      assert(textBytes(longer) > maxMessageBytes! || text !== texts[0]);
    }
  }
  const tooBig = await assertRejects(() => ann.chat.send(`${texts[0]}x`), ChorusError);
  assertEquals(tooBig.code, "too_big");
  for (const text of ["\ud800", 7 as unknown as string]) {
    const error = await assertRejects(() => ann.chat.send(text), ChorusError);
    assertEquals(error.code, "bad_text");
  }
  assertEquals(ann.chat.outbox.length, texts.length);
});

Deno.test("send() refuses more than 1,000 messages without an ack, which stay in order", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  for (let index = 0; index < 1000; index++) ann.chat.send(`${index}`);
  const error = await assertRejects(() => ann.chat.send("more"), ChorusError);
  assertEquals(error.code, "outbox_full");
  const connection = await server.connections.take();
  connection.welcome();
  for (let index = 0; index < 1000; index++) {
    const { id, text } = await connection.next();
    assertEquals(text, `${index}`);
    connection.send({ type: "ack", id, position: `p${index}` });
  }
  await ann.until(() => ann.messages.length === 1000);
});

Deno.test("a client that is closed for sending too much gets on with fewer at a time", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url)).neverWait();
  const sent = Array.from({ length: 30 }, (_, index) => ann.chat.send(`${index}`));
  const isDone = Promise.all(sent);
  const positions = new Map<unknown, string>();
  // A connection is closed with its eleventh message. It gets its acks when it pauses.
  const serve = async () => {
    for (;;) {
      const connection = await server.connections.take();
      connection.welcome();
      const acks: Json[] = [];
      let timer: ReturnType<typeof setTimeout> | undefined;
      for (let count = 1; count <= 10; count++) {
        const { id } = await connection.next();
        if (!positions.has(id)) positions.set(id, `p${positions.size}`);
        acks.push({ type: "ack", id, position: positions.get(id) });
        clearTimeout(timer);
        timer = setTimeout(() => connection.send(...acks.splice(0)), 50);
      }
      await connection.next();
      clearTimeout(timer);
      connection.close(4029, "rate limit exceeded");
    }
  };
  serve().catch(() => {});
  assertEquals(await isDone, Array.from(sent, (_, index) => `p${index}`));
  assert(ann.statuses.some(({ code }) => code === 4029));
});
