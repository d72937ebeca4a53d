import { assertEquals } from "@std/assert";
import { connect } from "../../../lib/server/page/chorus.js";
import { ChorusPeer } from "../../socket/chorus_peer.ts";
import { ENGINES, startTestApp } from "../../socket/test_app.ts";
import { BreakingProxy } from "./breaking_proxy.ts";
import { Observer } from "./observer.ts";
import { ScriptedServer } from "./scripted_server.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: a client notices that nothing passes, and resumes when it does again`, async () => {
    await using server = await startTestApp({ engine });
    await using bob = await ChorusPeer.open(server.url);
    await using proxy = new BreakingProxy(server.port);
    using ann = new Observer(connect(proxy.url, { heartbeatMs: 100 })).neverWait();
    await ann.chat.send("before");
    assertEquals(await bob.texts(1), ["before"]);
    proxy.freeze();
    const sent = ann.chat.send("ann meanwhile");
    bob.say("bob meanwhile", "1");
    await bob.next("ack");
    const { reason, code } = await ann.in("waiting");
    assertEquals([reason, code], ["the server does not answer", 1006]);
    proxy.thaw();
    await sent;
    await ann.until(() => ann.messages.length === 3);
    assertEquals(ann.texts.toSorted(), ["ann meanwhile", "before", "bob meanwhile"]);
    assertEquals([ann.gaps, ann.errors], [[], []]);
    assertEquals(await bob.texts(1), ["ann meanwhile"]);
    assertEquals(ann.statuses.at(-1)!.isResumed, true);
  });
}

Deno.test("a client pings only after silence, and any message is a sign of life", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { heartbeatMs: 1500 }));
  const connection = await server.connections.take();
  connection.welcome();
  for (let round = 0; round < 2; round++) {
    assertEquals(await connection.next(), { type: "ping" });
    connection.send(round % 2 === 0 ? { type: "pong" } : { type: "of tomorrow" });
  }
  assertEquals(ann.statuses.map(({ state }) => state), ["connecting", "open"]);
  // Now it gets no answer.
  const { reason } = await ann.in("waiting");
  assertEquals(reason, "the server does not answer");
});

Deno.test("a client that was frozen asks again before it takes the connection for dead", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url, { heartbeatMs: 200 }));
  const connection = await server.connections.take();
  connection.welcome();
  assertEquals(await connection.next(), { type: "ping" });
  // The program stands still until long after the deadline for the answer.
  const untilMs = performance.now() + 3000;
  while (performance.now() < untilMs);
  assertEquals(await connection.next(), { type: "ping" });
  connection.send({ type: "pong" });
  assertEquals(await connection.next(), { type: "ping" });
  assertEquals(ann.statuses.map(({ state }) => state), ["connecting", "open"]);
});

Deno.test("a client whose timers are always late asks only once more", async () => {
  await using server = await ScriptedServer.start();
  const now = Date.now;
  let lateMs = 0;
  Date.now = () => now() + lateMs;
  try {
    using ann = new Observer(connect(server.url, { heartbeatMs: 200 }));
    const connection = await server.connections.take();
    connection.welcome();
    for (let count = 1; count <= 2; count++) {
      assertEquals(await connection.next(), { type: "ping" });
      lateMs += 60_000;
    }
    const isThirdPing = connection.next().then(() => true, () => false);
    assertEquals((await ann.in("waiting")).reason, "the server does not answer");
    assertEquals(await isThirdPing, false);
  } finally {
    Date.now = now;
  }
});

Deno.test("nonsense of the server is reported, and does no harm", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const connection = await server.connections.take();
  connection.send("", "{", "7", "null", "[]", '"x"', "{}", '{"type":7}', '{"type":"of tomorrow"}');
  connection.send('{"type":"said"}', '{"type":"said","position":7}', '{"type":"ack"}');
  connection.send('{"type":"gap"}', '{"type":"error"}', '{"type":"token"}', '{"type":"reconnect"}');
  connection.send('{"type":"joined","members":7}', '{"type":"left","members":[null,{"id":7}]}');
  connection.send('{"type":"said","position":"p1","binary":"*"}', '{"type":"__proto__"}');
  connection.welcome({ of: "tomorrow", members: "none", you: "ann" });
  await ann.in("open");
  const sent = ann.chat.send("hi");
  const { id } = await connection.next();
  connection.send({ type: "ack", id, position: "p1" });
  assertEquals([await sent, ann.texts], ["p1", ["hi"]]);
  assertEquals(new Set(ann.errors.map(({ code }) => code)), new Set(["bad_message", "undefined"]));
});

Deno.test("a listener that throws does not disturb the client", async () => {
  await using server = await ScriptedServer.start();
  const thrown: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    thrown.push(event.error.message);
  };
  globalThis.addEventListener("error", onError);
  using ann = new Observer(connect(server.url));
  ann.chat.addEventListener("message", () => {
    throw new Error("a bug of the page");
  });
  const connection = await server.connections.take();
  connection.welcome();
  for (const position of ["p1", "p2"]) {
    connection.send({ type: "said", position, from: "bob", name: "Bob", text: position, at: "" });
  }
  await ann.until(() => ann.messages.length === 2);
  globalThis.removeEventListener("error", onError);
  assertEquals(thrown, ["a bug of the page", "a bug of the page"]);
  assertEquals([ann.errors, ann.chat.state], [[], "open"]);
});
