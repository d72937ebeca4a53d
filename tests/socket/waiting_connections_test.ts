import { assertEquals } from "@std/assert";
import { exchange, HEALTH } from "./http_exchange.ts";
import { Peer } from "./peer.ts";
import { RawPeer } from "./raw_peer.ts";
import { startTestApp } from "./test_app.ts";

Deno.test("of the connections that send no head, the oldest is reset when there are too many", async () => {
  await using server = await startTestApp({ maxConnections: 1100 });
  await using _member = await Peer.open(server.url);
  const silent: RawPeer[] = [];
  while (silent.length < 1099) silent.push(await RawPeer.connect(server.port));
  await silent[1]!.send("GET /healthz HT");
  // One more silent connection would be one more than there is capacity for.
  await using _other = await Peer.open(server.url);
  assertEquals(await silent[0]!.readToEnd(), "");
  assertEquals(silent[0]!.wasReset, true);
  assertEquals(server.app.chat.counters.limits.waiting_connections, 1);
  // The others can still begin.
  assertEquals(await exchange(silent[1]!, HEALTH.slice("GET /healthz HT".length)), 200);
  assertEquals(await exchange(silent[1098]!, HEALTH), 200);
  for (const peer of silent) peer[Symbol.dispose]();
});

Deno.test("a full server still answers clients while 1,000 others send no head", async () => {
  await using server = await startTestApp({ maxConnections: 1 });
  await using _member = await Peer.open(server.url);
  const silent: RawPeer[] = [];
  while (silent.length < 1200) silent.push(await RawPeer.connect(server.port));
  using late = await RawPeer.connect(server.port);
  assertEquals(await exchange(late, HEALTH), 200);
  assertEquals(server.app.chat.counters.limits.waiting_connections, 1200 + 1 - 1000);
  for (const peer of silent) peer[Symbol.dispose]();
});
