import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type ServerMessage, statusOf } from "../../lib/chat/chorus_v1.ts";
import { CLOSE_CODES } from "../../lib/chat/close_code.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { Peer } from "./peer.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const MANUAL = await Deno.readTextFile(new URL("../../lib/chat/PROTOCOL.md", import.meta.url));

/** An example below a heading of the manual: the first, or that of an index. */
function example(heading: string, index = 0): string {
  const section = MANUAL.split(`\n### ${heading}\n`)[1]!.split("\n##")[0]!;
  const [, json] = [...section.matchAll(/```json\n([^]*?)```/g)][index]!;
  return JSON.stringify(JSON.parse(json!));
}

/** The first cells of a table's rows below a heading, without their backquotes. */
function tableRows(heading: string, header: string): string[][] {
  const section = MANUAL.split(heading)[1]!.split("\n## ")[0]!;
  const table = section.split("\n\n").find((part) => part.startsWith(`| ${header} `))!;
  return table.trim().split("\n").slice(2).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"))
  );
}

/** Replaces what differs each time by what the manual shows. */
function normalize(message: ServerMessage, ids: readonly string[], epoch: string): string {
  let json = JSON.stringify(message).replaceAll(epoch, "0123456789abcdef");
  for (const [index, id] of ids.entries()) {
    json = json.replaceAll(id, `019b0000-0000-7000-8000-00000000000${"ab"[index]}`);
  }
  return json.replace(/(?<="session":"[^".]*\.)[^"]*/, "SIGNATURE")
    .replace(/(?<="at":")\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, "2026-11-25T21:00:00.000Z");
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: a real server sends the messages that PROTOCOL.md shows`, async () => {
    await using server = await startTestApp({ engine });
    const url = `${server.url}?room=tea`;
    await using ann = await ChorusPeer.open(`${url}&name=Ann`);
    const epoch = ann.welcome.position.split("-")[0]!;
    await ann.next("joined");
    const bob = await ChorusPeer.open(`${url}&name=Bob`);
    const ids = [ann.welcome.you, bob.welcome.you];
    const check = (message: ServerMessage) =>
      assertEquals(normalize(message, ids, epoch), example(message.type));
    check(ann.welcome);
    check(await ann.next("joined"));
    ann.send(example("say"));
    check(await ann.next("ack"));
    check(await bob.next("said"));
    ann.send(example("say"));
    assertEquals(normalize(await ann.next("ack"), ids, epoch), example("ack", 1));
    ann.send(example("ping"));
    check(await ann.next("pong"));
    const { session } = bob.welcome;
    const rob = await ChorusPeer.open(`${url}&name=Rob&session=${session}`);
    assertEquals(normalize(await ann.next("joined", "left"), ids, epoch), example("joined", 1));
    await rob[Symbol.asyncDispose]();
    await ann.next("joined", "left");
    await bob[Symbol.asyncDispose]();
    check(await ann.next("left"));
    await using stray = await ChorusPeer.open(`${url}&since=fedcba9876543210-9`);
    check(await stray.next("gap"));
    ann.send('{"type":"say","id":7,"text":"hi"}');
    check(await ann.next("error"));
    server.app.chat.rooms.announce(statusOf(false));
    check(await ann.next("status"));
    const drained = server.app.drain();
    check({ ...await ann.next("reconnect"), inMs: 420 });
    await drained;
  });

  Deno.test(`${engine}: a real server sends binary messages as PROTOCOL.md shows`, async () => {
    await using server = await startTestApp({ engine, binary: true });
    await using ann = await ChorusPeer.open(server.url);
    await using bob = await Peer.open(`${server.url}?name=Bob`);
    ann.say("first");
    await bob.next();
    bob.send(Uint8Array.of(1, 2, 255));
    const said = await ann.next("said");
    const epoch = ann.welcome.position.split("-")[0]!;
    const ids = [ann.welcome.you, said.from!];
    assertEquals(normalize(said, ids, epoch), example("said", 1));
  });

  Deno.test(`${engine}: a real server sends the error codes that PROTOCOL.md lists`, async () => {
    await using server = await startTestApp({ engine });
    await using client = await ChorusPeer.open(server.url);
    client.send(example("say"));
    for (const [code, , frame] of tableRows("### error", "Code")) {
      // These need a file that cannot be used, or a token: see below, and durable_test.ts.
      if (["not_committed", "history_unavailable", "forbidden"].includes(code!)) continue;
      client.send(frame!);
      assertEquals((await client.next("error")).code, code);
    }
  });

  Deno.test(`${engine}: a real server closes with the codes that PROTOCOL.md lists`, async () => {
    const tooBig = Uint8Array.from([0x81, 0xfe, 0xff, 0xff, 0, 0, 0, 0, ...new Uint8Array(65_535)]);
    const frames: Readonly<Record<number, ArrayLike<number>>> = {
      1000: [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8],
      1002: [0xf1, 0x80, 0, 0, 0, 0],
      1003: [0x82, 0x80, 0, 0, 0, 0],
      1007: [0x81, 0x81, 0, 0, 0, 0, 0xff],
      1009: tooBig,
    };
    await using server = await startTestApp({ engine, maxMessageBytes: 1000 });
    for (const [code, frame] of Object.entries(frames)) {
      using peer = await RawPeer.upgrade(server.port);
      await peer.send(frame);
      const [first, , high, low] = await peer.read(4);
      // Deno's own WebSocket ends a connection with a faulty frame without a close frame.
      if (engine === "serve" && (code === "1002" || code === "1007")) {
        assertEquals(first, undefined);
      } else assertEquals([first, high! << 8 | low!], [0x88, Number(code)]);
    }
    const client = await Peer.open(server.url);
    await server.app.drain();
    assertEquals((await client.closed).code, 1001);
  });
}

Deno.test("PROTOCOL.md lists every close code with its reason and whether to reconnect", () => {
  const rows = tableRows("## Close codes", "Code");
  assertEquals(
    rows.map(([code, reason, , reconnect]) => [Number(code), reason, reconnect === "yes"]),
    Object.values(CLOSE_CODES).map(({ code, reason, reconnect }) => [code, reason, reconnect]),
  );
});

Deno.test("PROTOCOL.md has the fields of every message in a table", () => {
  const types = ["say", "token", "welcome", "said", "ack", "joined", "gap", "status"];
  for (const type of [...types, "token, from the server", "reconnect", "error"]) {
    const fields = tableRows(`\n### ${type}\n`, "Field").map(([field]) => field!);
    const shown = Object.keys(JSON.parse(example(type))).filter((key) => key !== "type");
    for (const key of shown) assert(fields.includes(key), `${type}.${key}`);
  }
});

Deno.test("a replay whose reads fail reports history_unavailable and then continues without a gap", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  {
    await using server = await startTestApp({ data: path, logRetentionBytes: 64 * 1024 });
    await using publisher = await ChorusPeer.open(server.url);
    const count = 4000;
    const long = "x".repeat(10_000);
    for (let index = 0; index < count; index++) {
      publisher.say(`${index} ${long}`, `${index}`);
      if (index % 100 === 99) { while ((await publisher.next("ack")).id !== `${index}`); }
    }
    const { position } = publisher.welcome;
    // This client does not read yet, so the replay of 40 MB cannot end before the table is moved.
    using reader = await RawPeer.upgrade(server.port, `/ws?since=${position}`, "chorus.v1");
    const database = new DatabaseSync(path);
    database.exec("ALTER TABLE messages RENAME TO moved");
    const types: string[] = [];
    for (let next = 0; next < count;) {
      const [, length] = await reader.read(2);
      const extended = length === 126 ? await reader.read(2) : Uint8Array.of(0, length!);
      const payload = await reader.read(extended[0]! << 8 | extended[1]!);
      const message: ServerMessage = JSON.parse(new TextDecoder().decode(payload));
      if (message.type === "said") {
        assertEquals(message.position.split("-")[1], `${++next}`);
      } else if (message.type === "error") {
        assertEquals(message.code, "history_unavailable");
        if (!types.includes("error")) database.exec("ALTER TABLE moved RENAME TO messages");
      }
      types.push(message.type);
    }
    database.close();
    assert(types.includes("error") && !types.includes("gap"));
  }
  await Deno.remove(folder, { recursive: true });
});
