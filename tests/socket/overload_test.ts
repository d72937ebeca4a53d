import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EventSource } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

for (const engine of ENGINES) {
  Deno.test(`${engine}: over --memory-limit, new work is refused until memory is free`, async () => {
    const usage = { rss: 1000, heapUsed: 500, external: 500 };
    await using server = await startTestApp({ engine, memoryLimit: 1500 }, {
      readMemory: () => usage,
    });
    const { url: pageUrl } = server.app;
    const messagesUrl = new URL("/rooms/lobby/messages", pageUrl);
    const publish = () =>
      fetch(messagesUrl, { method: "POST", headers: { "content-type": "text/plain" }, body: "hi" });
    await using one = await Peer.open(server.url);
    await using two = await Peer.open(server.url);
    usage.rss = 1500;
    await server.logged("The server refuses new work");

    const refused = await publish();
    assertEquals([refused.status, refused.headers.get("retry-after")], [503, "5"]);
    assertStringIncludes((await refused.json()).detail, "overloaded");
    await assertRejects(() => Peer.open(server.url), Error, "503");
    const eventsUrl = new URL("/rooms/lobby/events", pageUrl);
    await using events = await EventSource.open(eventsUrl, { accept: "text/event-stream" });
    const { event, data, retry } = (await events.next())!;
    assertEquals([event, JSON.parse(data!).code, retry], ["error", "server_overloaded", "5000"]);
    for (const path of ["/", "/healthz"]) {
      const response = await fetch(new URL(path, pageUrl));
      assertEquals(response.status, 200);
      await response.body!.cancel();
    }
    one.send("those inside are served");
    assertEquals(await two.take(1), ["those inside are served"]);

    usage.external = 400;
    await server.logged("The server takes new work again");
    const accepted = await publish();
    assertEquals(accepted.status, 201);
    await accepted.body!.cancel();
    await using _three = await Peer.open(server.url);
  });
}
