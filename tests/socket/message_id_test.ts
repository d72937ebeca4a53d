import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ErrorMessage } from "../../lib/chat/chorus_v1.ts";
import { ChorusPeer } from "./chorus_peer.ts";
import { lockFile, tempFile } from "./data_file.ts";
import { closeAll, Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** An answer of POST. */
interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any -- tests read fields of any response
  readonly body: any;
}

async function post(
  { app }: TestApp,
  message: { readonly text: string; readonly id?: string; readonly name?: string },
  room = "lobby",
): Promise<Answer> {
  const response = await fetch(new URL(`/rooms/${room}/messages`, app.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(message),
  });
  return { status: response.status, body: await response.json() };
}

/** Publishes a text as the member, and returns the answer. */
async function say(peer: ChorusPeer, text: string, id: string) {
  peer.say(text, id);
  return await peer.next("ack", "error");
}

/** Checks that the id is refused. */
function assertReused(answer: { readonly type: string }, id: string): void {
  assertEquals(answer.type, "error");
  const { code, id: of } = answer as ErrorMessage;
  assertEquals([code, of], ["id_reused", id]);
}

const TEXTS = ["once", "", "\ufeffa\0é😀\ud83d\ude00", "x".repeat(65_000)];

for (const engine of ENGINES) {
  Deno.test(`${engine}: the same id with the same text is acked as a duplicate, with another text refused`, async () => {
    await using server = await startTestApp({ engine });
    await using listener = await Peer.open(server.url);
    const one = await ChorusPeer.open(server.url);
    const { session } = one.welcome;
    for (const [index, text] of TEXTS.entries()) {
      const ack = await say(one, text, `c${index}`);
      assert(ack.type === "ack" && !("duplicate" in ack));
      for (const _ of [1, 2]) {
        assertEquals(await say(one, text, `c${index}`), { ...ack, duplicate: true });
        assertReused(await say(one, `${text}.`, `c${index}`), `c${index}`);
      }
      await using again = await ChorusPeer.open(`${server.url}?session=${session}&name=New`);
      assertEquals(await say(again, text, `c${index}`), { ...ack, duplicate: true });
      assertReused(await say(again, "other", `c${index}`), `c${index}`);
    }
    // In one turn, before the first is acked.
    for (const text of ["a", "a", "b", "a"]) one.say(text, "fast");
    const answers = [];
    while (answers.length < 4) answers.push(await one.next("ack", "error"));
    const kinds = answers.map((each) =>
      each.type === "ack" ? each.duplicate ?? "first" : each.code
    );
    assertEquals(kinds.toSorted(), ["first", "id_reused", true, true]);
    await closeAll([one]);
    // The ids of other authors and other rooms are independent.
    await using other = await ChorusPeer.open(server.url);
    assert(!("duplicate" in await say(other, "by another", "c0")));
    assert(!("duplicate" in (await post(server, { text: "over HTTP", id: "c0" })).body));
    await using elsewhere = await ChorusPeer.open(`${server.url}?room=tea&session=${session}`);
    assert(!("duplicate" in await say(elsewhere, "elsewhere", "c0")));
    assertEquals(await listener.take(TEXTS.length + 3), [
      ...TEXTS,
      "a",
      "by another",
      "over HTTP",
    ]);
  });

  Deno.test(`${engine}: over HTTP the same id with the same text answers 201 as a duplicate, with another text 409`, async () => {
    await using server = await startTestApp({ engine });
    await using listener = await Peer.open(server.url);
    const first = await post(server, { text: "a", id: "1", name: "Ann" });
    assertEquals([first.status, Object.keys(first.body)], [201, ["position"]]);
    for (const name of ["Ann", "Bea"]) {
      const again = await post(server, { text: "a", id: "1", name });
      assertEquals(again, { status: 201, body: { ...first.body, duplicate: true } });
      const refused = await post(server, { text: "b", id: "1", name });
      assertEquals([refused.status, refused.body.status, refused.body.title], [
        409,
        409,
        "Conflict",
      ]);
      assertStringIncludes(refused.body.detail, "id");
    }
    // Without an id, messages are never the same.
    for (const _ of [1, 2]) assertEquals((await post(server, { text: "a" })).status, 201);
    assertEquals((await post(server, { text: "b", id: "2" })).status, 201);
    assertEquals(await listener.take(4), ["a", "a", "a", "b"]);
  });

  Deno.test(`${engine}: with --data ids are known after a restart, and when the log has dropped the message`, async () => {
    await using file = await tempFile();
    const config = { engine, data: file.path, logRetentionBytes: 64 * 1024 };
    let [session, position, httpPosition] = ["", "", ""];
    {
      await using server = await startTestApp(config);
      await using one = await ChorusPeer.open(server.url);
      ({ session } = one.welcome);
      const ack = await say(one, "once\0", "c1");
      assert(ack.type === "ack");
      ({ position } = ack);
      ({ body: { position: httpPosition } } = await post(server, { text: "a", id: "1" }));
      for (let count = 0; count < 20; count++) await say(one, "x".repeat(30_000), `x${count}`);
      await using late = await Peer.open(`${server.url}?last=1`);
      assertEquals((await late.next() as string).length, 30_000);
      assertEquals(await say(one, "once\0", "c1"), { ...ack, duplicate: true });
      assertReused(await say(one, "once", "c1"), "c1");
    }
    await using server = await startTestApp(config);
    await using one = await ChorusPeer.open(`${server.url}?session=${session}`);
    const duplicate = { type: "ack", id: "c1", position, duplicate: true } as const;
    assertEquals(await say(one, "once\0", "c1"), duplicate);
    assertReused(await say(one, "twice", "c1"), "c1");
    const again = await post(server, { text: "a", id: "1" });
    assertEquals(again.body, { position: httpPosition, duplicate: true });
    assertEquals((await post(server, { text: "b", id: "1" })).status, 409);
  });

  Deno.test(`${engine}: an id whose message is not committed yet is known, and its duplicate is acked with it`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp({ engine, data: file.path });
    await using one = await ChorusPeer.open(server.url);
    await using listener = await Peer.open(server.url);
    const unlock = lockFile(file.path);
    one.say("a", "c1");
    one.say("b", "c1");
    assertReused(await one.next("ack", "error"), "c1");
    const error = await one.next("ack", "error");
    assert(error.type === "error");
    assertEquals([error.code, error.id], ["not_committed", "c1"]);
    one.say("a", "c1");
    unlock();
    const ack = await one.next("ack");
    assertEquals([ack.id, ack.position.split("-")[1], ack.duplicate], ["c1", "1", true]);
    one.say("c");
    assertEquals(await listener.take(2), ["a", "c"]);
  });

  Deno.test(`${engine}: the id of a message that is no longer retained is new again`, async () => {
    await using file = await tempFile();
    for (const data of [file.path, ""]) {
      const logRetentionBytes = 64 * 1024;
      const config = { engine, data, logRetentionBytes, historyMessages: 5 };
      await using server = await startTestApp(config);
      await using one = await ChorusPeer.open(server.url);
      const first = await say(one, "a", "c1");
      const count = 20;
      for (let index = 0; index < count; index++) await say(one, "x".repeat(30_000), `x${index}`);
      const again = await say(one, "b", "c1");
      assert(first.type === "ack" && again.type === "ack");
      assertEquals(again.position.split("-")[1], `${count + 2}`);
      assertEquals(again.duplicate, undefined);
      assertReused(await say(one, "a", "c1"), "c1");
    }
  });
}
