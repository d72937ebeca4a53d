import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ChorusError, connect } from "../../../lib/server/page/chorus.js";
import { CLOSE_CODES } from "../../../lib/chat/close_code.ts";
import { Observer } from "./observer.ts";
import { ScriptedServer } from "./scripted_server.ts";

Deno.test("connect() throws for a URL that is not one of a server", () => {
  for (const url of ["ftp://127.0.0.1/", "not a URL"]) {
    assertThrows(() => connect(url), TypeError);
  }
});

Deno.test("connect() accepts every form of a server's URL, and asks for the room", async () => {
  await using server = await ScriptedServer.start();
  const { host } = new URL(server.url);
  const urls = [`http://${host}`, `ws://${host}/`, `ws://${host}/ws`, `http://${host}/?room=x#y`];
  for (const url of urls) {
    using ann = new Observer(connect(new URL(url), { room: "a/b ü", name: "Ann", last: 7 }));
    const connection = await server.connections.take();
    assertEquals(connection.query, { room: "a/b ü", name: "Ann", last: "7", echo: "true" });
    assertEquals(connection.protocols, "chorus.v1");
    connection.welcome();
    await ann.in("open");
    assertEquals([ann.chat.room, ann.chat.name, ann.chat.you], ["a/b ü", "Ann", "ann"]);
  }
});

for (const { code, reconnect, reason } of Object.values(CLOSE_CODES)) {
  // See token_test.ts: it depends on whether the client can get a new token.
  if (code === 4401) continue;
  Deno.test(`a client ${reconnect ? "reconnects" : "ends"} after the close code ${code}`, async () => {
    await using server = await ScriptedServer.start();
    using ann = new Observer(connect(server.url));
    const connection = await server.connections.take();
    connection.welcome();
    await ann.in("open");
    connection.close(code, reason);
    const status = await ann.in(reconnect ? "waiting" : "closed");
    assertEquals([status.code, status.reason], [code, reason]);
    assertEquals(status.needsToken, reconnect ? undefined : code === 4503);
    if (reconnect) {
      ann.chat.retryNow();
      const { query } = await server.connections.take();
      assertEquals([query.since, query.session], ["p0", "ann.SIGNATURE"]);
    } else {
      await assertRejects(() => ann.chat.send("late"), ChorusError, reason);
      assertEquals(server.maxOpenCount, 1);
    }
  });
}

Deno.test("a client ends after unknown codes from 4500 on, and reconnects after others", async () => {
  await using server = await ScriptedServer.start();
  for (const [code, state] of [[4999, "closed"], [4499, "waiting"], [3000, "waiting"]] as const) {
    using ann = new Observer(connect(server.url));
    const connection = await server.connections.take();
    connection.welcome();
    await ann.in("open");
    connection.close(code);
    assertEquals((await ann.in(state)).reason, `the connection was closed (${code})`);
  }
});

Deno.test("a client waits exactly as long as the server says before it stops", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const connection = await server.connections.take();
  connection.welcome();
  await ann.in("open");
  const beforeMs = Date.now();
  connection.send({ type: "reconnect", inMs: 345_678 });
  connection.close(1001, "going away");
  const { retryAtMs } = await ann.in("waiting");
  assert(retryAtMs! >= beforeMs + 345_678 && retryAtMs! <= Date.now() + 345_678);
  // The next failure is one of its own.
  server.answer = () => ({ status: 503, detail: "full" });
  ann.chat.retryNow();
  await ann.in("connecting");
  const next = await ann.in("waiting");
  assert(next.retryAtMs! < Date.now() + 60_000);
});

Deno.test("the pauses between attempts are random, and grow up to 30 seconds", async () => {
  await using server = await ScriptedServer.start();
  server.answer = () => ({ status: 503, detail: "The chat is full" });
  using ann = new Observer(connect(server.url));
  const pausesMs: number[] = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    const { retryAtMs, reason, code } = await ann.in("waiting");
    pausesMs.push(retryAtMs! - Date.now());
    assertEquals([reason, code], ["The chat is full", 503]);
    ann.chat.retryNow();
    await ann.until(() => ann.statuses.at(-1)!.state === "connecting");
  }
  for (const [attempt, pauseMs] of pausesMs.entries()) {
    assert(pauseMs <= Math.min(30_000, 500 * 2 ** attempt), `${attempt}: ${pauseMs}`);
  }
  assertEquals(new Set(pausesMs).size > 6, true);
});

Deno.test("Retry-After delays the next attempt at least that much", async () => {
  await using server = await ScriptedServer.start();
  server.answer = () => ({ status: 429, detail: "Too often", headers: { "retry-after": "77" } });
  const beforeMs = Date.now();
  using ann = new Observer(connect(server.url));
  const { retryAtMs, reason } = await ann.in("waiting");
  assertEquals(reason, "Too often");
  assert(retryAtMs! >= beforeMs + 77_000 && retryAtMs! <= Date.now() + 77_500);
});

for (
  const [status, needsToken] of [[400, false], [401, true], [403, true], [404, false]] as const
) {
  Deno.test(`a client that is refused with ${status} ends, and says why`, async () => {
    await using server = await ScriptedServer.start();
    server.answer = () => ({ status, detail: `No ${status}` });
    using ann = new Observer(connect(server.url));
    const sent = ann.chat.send("hi");
    const { reason, code, ...rest } = await ann.in("closed");
    assertEquals([reason, code], [`No ${status}`, status]);
    assertEquals(rest, { state: "closed", needsToken });
    const error = await assertRejects(() => sent, ChorusError, `No ${status}`);
    assertEquals([error.code, error.id], ["closed", sent.id]);
  });
}

Deno.test("a client whose server is gone keeps trying", async () => {
  const server = await ScriptedServer.start();
  const { url } = server;
  await server[Symbol.asyncDispose]();
  using ann = new Observer(connect(url));
  for (let attempt = 0; attempt < 3; attempt++) {
    const { reason, code } = await ann.in("waiting");
    assertEquals([reason, code], ["the connection was lost", 1006]);
    ann.chat.retryNow();
    await ann.until(() => ann.statuses.at(-1)!.state === "connecting");
  }
});

Deno.test("close() ends the connection with 1000, and no event comes after the status", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url));
  const connection = await server.connections.take();
  connection.welcome();
  await ann.in("open");
  ann.chat.close();
  ann.chat.close();
  assertEquals(ann.statuses.map(({ state }) => state), ["connecting", "open", "closed"]);
  connection.send({ type: "said", position: "p1", from: null, name: null, text: "late", at: "" });
  await assertRejects(() => connection.next(), Error, "The WebSocket is closed");
  ann.chat.retryNow();
  assertEquals([ann.messages, ann.chat.state], [[], "closed"]);
});

Deno.test("a client that is closed before it has connected never connects", async () => {
  await using server = await ScriptedServer.start();
  const ann = new Observer(connect(server.url));
  ann.chat.close();
  const bob = new Observer(connect(server.url));
  (await server.connections.take()).welcome();
  await bob.in("open");
  assertEquals(server.maxOpenCount, 1);
  assertEquals(ann.statuses.map(({ state }) => state), ["closed"]);
  bob.chat.close();
});

Deno.test("retryNow() and messages of a listener never make two connections", async () => {
  await using server = await ScriptedServer.start();
  using ann = new Observer(connect(server.url)).neverWait();
  ann.chat.addEventListener("status", () => ann.chat.retryNow());
  for (let round = 0; round < 20; round++) {
    const connection = await server.connections.take();
    connection.welcome();
    await ann.in("open");
    ann.chat.retryNow();
    if (round % 2 === 0) connection.reset();
    else connection.close(1011);
    await assertRejects(() => connection.next(), Error, "The WebSocket is closed");
  }
  assertEquals(server.maxOpenCount, 1);
});
