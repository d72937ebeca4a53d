import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../lib/load/seeded_random.ts";
import { connect } from "../../../lib/server/page/chorus.js";
import type { ServerConfig } from "../../../lib/server/config.ts";
import { ChorusPeer, textOf } from "../../socket/chorus_peer.ts";
import { startTestApp } from "../../socket/test_app.ts";
import { BreakingProxy } from "./breaking_proxy.ts";
import { Observer } from "./observer.ts";

/** What {@linkcode sendAcrossBreaks} does. */
export interface BreaksOptions {
  readonly config: Partial<ServerConfig>;
  readonly sendCount: number;
  /** How often the connection breaks at least. */
  readonly breakCount: number;
  readonly seed: number;
}

/**
 * Lets a client send over a connection that breaks at random bytes, so also between a message and
 * its ack, within a frame, and within the handshake. Two others publish meanwhile. Checks that the
 * client and a witness get each message exactly once, in the same order, which is that of sending.
 */
export async function sendAcrossBreaks(options: BreaksOptions): Promise<void> {
  const { config, sendCount, breakCount, seed } = options;
  const random = seededRandom(seed);
  await using server = await startTestApp(config);
  await using witness = await ChorusPeer.open(`${server.url}?echo=true`);
  await using bob = await ChorusPeer.open(`${server.url}?name=Bob`);
  await using proxy = new BreakingProxy(server.port);
  proxy.nextBreak = () => proxy.breakCount < breakCount ? Math.ceil(12_000 * random()) : Infinity;
  using ann = new Observer(connect(proxy.url, { name: "Ann" })).neverWait();
  await ann.until(() => ann.chat.position !== undefined);

  const texts: string[] = [];
  const sent: Promise<string>[] = [];
  for (let index = 0; index < sendCount; index++) {
    // Most are sent while others are in flight, and while there is no connection.
    if (index % 3 === 0) await sent[index - Math.ceil(100 * random())];
    texts.push(index % 10 === 0 ? "again" : `ann ${index}`);
    sent.push(ann.chat.send(texts[index]!));
    if (index % 5 === 0) bob.say(`bob ${index}`);
    if (index % 7 === 0) witness.say(`witness ${index}`);
  }
  const positions = await Promise.all(sent);
  await ann.chat.send("end");

  const published = [];
  for (;;) {
    const said = await witness.next("said");
    published.push({ text: textOf(said), position: said.position });
    if (textOf(said) === "end") break;
  }
  await ann.until(() => ann.texts.includes("end"));
  const about = `With the seed ${seed}`;
  assertEquals(
    ann.messages.map(({ text, position }) => ({ text, position })),
    published,
    about,
  );
  assertEquals(
    published.filter(({ text }) => text.startsWith("a")),
    texts.map((text, index) => ({ text, position: positions[index]! })),
    about,
  );
  assertEquals([ann.gaps, ann.errors, ann.chat.outbox], [[], [], []], about);
  const ids = ann.messages.filter(({ isOwn }) => isOwn).map(({ id }) => id);
  assertEquals(new Set(ids).size, sendCount + 1, about);
}
