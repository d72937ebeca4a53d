import { assertEquals } from "@std/assert";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect as connectToNats } from "@nats-io/transport-node";
import { connect } from "../../../lib/server/page/chorus.js";
import { isNatsMissing, NatsServer } from "../../cluster/nats_server.ts";
import { startTestApp } from "../../socket/test_app.ts";
import { Observer } from "./observer.ts";

/** Runs a test with two servers that share a chat, and a client of each. */
function outageTest(
  name: string,
  maxHeldBytes: number,
  run: (setup: { nats: NatsServer; ann: Observer; bob: Observer }) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    async fn() {
      await using nats = await NatsServer.start();
      const config = { nats: [nats.url], maxHeldBytes };
      await using one = await startTestApp(config);
      await using other = await startTestApp(config);
      using ann = new Observer(connect(one.app.url, { name: "Ann" })).neverWait();
      using bob = new Observer(connect(other.app.url, { name: "Bob" })).neverWait();
      await Promise.all([ann.in("open"), bob.in("open")]);
      await run({ nats, ann, bob });
      assertEquals([ann.errors, bob.errors], [[], []]);
    },
  });
}

/** Waits until the clients have heard whether messages are stored. */
async function hear(storing: boolean, clients: readonly Observer[]): Promise<void> {
  await Promise.all(
    clients.map((each) => each.until(() => each.storings.at(-1)?.storing === storing)),
  );
}

outageTest(
  "what is sent while NATS is down is held, and arrives on all servers once, in order",
  16 * 1024 * 1024,
  async ({ nats, ann, bob }) => {
    await nats.kill();
    await hear(false, [ann, bob]);
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
    const sent = texts.map((text) => ann.chat.send(text));
    await nats.restart();
    await hear(true, [ann, bob]);
    assertEquals(new Set(await Promise.all(sent)).size, texts.length);
    await bob.until(() => bob.messages.length === texts.length);
    assertEquals([ann.texts, bob.texts], [texts, texts]);
  },
);

outageTest(
  "what a server refuses while NATS is down is sent again, and arrives once",
  64 * 1024,
  async ({ nats, ann, bob }) => {
    await nats.kill();
    await hear(false, [ann, bob]);
    const texts = Array.from({ length: 40 }, (_, index) => `${index} ${"x".repeat(10_000)}`);
    const sent = texts.map((text) => ann.chat.send(text));
    await nats.restart();
    assertEquals(new Set(await Promise.all(sent)).size, texts.length);
    await bob.until(() => bob.messages.length === texts.length);
    assertEquals(ann.texts, bob.texts);
    assertEquals(bob.texts.toSorted(), texts.toSorted());
  },
);

outageTest(
  "clients resume with a gap after the stream of messages was made anew",
  16 * 1024 * 1024,
  async ({ nats, ann, bob }) => {
    const position = await ann.chat.send("old");
    await bob.until(() => bob.messages.length === 1);
    const connection = await connectToNats({ servers: nats.url });
    await (await jetstreamManager(connection)).streams.delete("chorus");
    await connection.close();
    await Promise.all([ann, bob].map((each) => each.until(() => each.gaps.length === 1)));
    for (const { statuses, gaps } of [ann, bob]) {
      const [closed] = statuses.filter(({ state }) => state === "waiting");
      assertEquals([closed?.code, closed?.reason], [1012, "messages have started over"]);
      const { after, missedCount, reason } = gaps[0]!;
      assertEquals([after, missedCount, reason], [position, 0, "unknown position"]);
    }
    await ann.chat.send("new");
    await bob.until(() => bob.messages.length === 2);
    assertEquals([ann.texts, bob.texts], [["old", "new"], ["old", "new"]]);
  },
);
