import { assert, assertEquals } from "@std/assert";
import { connect } from "../../../lib/server/page/chorus.js";
import { portOf, Program } from "../../main/program.ts";
import { BreakingProxy } from "./breaking_proxy.ts";
import { Observer } from "./observer.ts";

/** Starts a server as a process, and lets the proxy lead to it. */
async function start(args: readonly string[], proxy: BreakingProxy): Promise<Program> {
  const server = Program.start("server", ["--port=0", ...args]);
  proxy.targetPort = await portOf(server);
  return server;
}

for (const isStored of [true, false]) {
  Deno.test(`kill -9 and a restart ${isStored ? "with" : "without"} --data lose and repeat nothing`, async () => {
    const folder = await Deno.makeTempDir();
    const args = isStored ? [`--data=${folder}/chat.db`] : [];
    await using proxy = new BreakingProxy(0);
    const first = await start(args, proxy);
    using ann = new Observer(connect(proxy.url, { name: "Ann" }));
    using bob = new Observer(connect(proxy.url, { name: "Bob" }));
    const both = [ann, bob];
    await Promise.all(both.map((each) => each.in("open")));
    const you = ann.chat.you;
    const say = (part: string) =>
      both.flatMap(({ chat }) =>
        Array.from({ length: 20 }, (_, index) => chat.send(`${chat.name} ${part} ${index}`))
      );
    await Promise.all(say("before"));
    await Promise.all(both.map((each) => each.until(() => each.messages.length === 40)));

    await first[Symbol.asyncDispose]();
    await Promise.all(both.map((each) => each.in("waiting")));
    const meanwhile = say("meanwhile");
    await using _second = await start(args, proxy);
    for (const { chat } of both) chat.retryNow();
    const positions = await Promise.all(meanwhile);
    await Promise.all(both.map((each) => each.until(() => each.messages.length === 80)));

    assertEquals(ann.texts, bob.texts);
    for (const name of ["Ann", "Bob"]) {
      const own = ann.texts.filter((text) => text!.startsWith(name));
      assertEquals(
        own,
        ["before", "meanwhile"].flatMap((part) =>
          Array.from({ length: 20 }, (_, index) => `${name} ${part} ${index}`)
        ),
      );
    }
    for (const position of positions) {
      assert(ann.messages.some((each) => each.position === position));
    }
    assertEquals([ann.errors, ann.chat.outbox], [[], []]);
    // Without --data, the room and its members have started over.
    assertEquals(ann.chat.you === you, isStored);
    assertEquals(ann.statuses.at(-1)!.isResumed, isStored);
    assertEquals(ann.gaps.map(({ reason }) => reason), isStored ? [] : ["unknown position"]);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("kill -9 under load with --data: each message is stored once, and delivered once to its author", async () => {
  const folder = await Deno.makeTempDir();
  const args = [`--data=${folder}/chat.db`];
  await using proxy = new BreakingProxy(0);
  let server = await start(args, proxy);
  using ann = new Observer(connect(proxy.url, { name: "Ann" })).neverWait();
  const texts = Array.from({ length: 500 }, (_, index) => `${index}`);
  const sent = texts.map((text) => ann.chat.send(text));
  for (const count of [50, 200, 350]) {
    await sent[count];
    await server[Symbol.asyncDispose]();
    server = await start(args, proxy);
  }
  const positions = await Promise.all(sent);
  assertEquals(ann.texts, texts);
  const response = await fetch(`${proxy.url}rooms/lobby/messages?limit=1000`);
  const stored: { text: string; position: string }[] = (await response.json()).messages;
  assertEquals(
    stored.map(({ text, position }) => ({ text, position })),
    texts.map((text, index) => ({ text, position: positions[index]! })),
  );
  await server[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});
