import { assertEquals } from "@std/assert";
import { parseFigures, quantileBetween } from "../../../lib/server/page/chat/metrics_text.js";
import { startTestApp } from "../../socket/test_app.ts";
import { ChorusPeer } from "../../socket/chorus_peer.ts";

Deno.test("parseFigures() finds all figures in the metrics of a server", async () => {
  await using server = await startTestApp();
  await using ann = await ChorusPeer.open(server.url);
  await using _bob = await ChorusPeer.open(server.url);
  ann.say("hello", "1");
  await ann.next("ack");
  const figures = parseFigures(await (await fetch(new URL("metrics", server.app.url))).text());
  assertEquals(figures.connections, 2);
  assertEquals(figures.messages, 1);
  assertEquals(figures.deliveries, 1);
  assertEquals(figures.slowReaders, 0);
  assertEquals(figures.memoryBytes > 1e6, true);
  assertEquals(figures.flushes.at(-1)?.le, Infinity);
  assertEquals(figures.flushes.length > 3, true);
});

Deno.test("parseFigures() adds up the series of a metric, and takes a missing one for 0", () => {
  const text = `# HELP chorus_connections Connections in the chat.
# TYPE chorus_connections gauge
chorus_connections{engine="direct",format="plain"} 2
chorus_connections{engine="direct",format="chorus.v1"} 3
chorus_publish_to_socket_seconds_bucket{le="0.001"} 4
chorus_publish_to_socket_seconds_bucket{le="+Inf"} 5
`;
  const { connections, messages, flushes } = parseFigures(text);
  assertEquals([connections, messages], [5, 0]);
  assertEquals(flushes, [{ le: 0.001, count: 4 }, { le: Infinity, count: 5 }]);
});

Deno.test("quantileBetween() estimates within the bucket, from what came between", () => {
  const at = (...counts: number[]) =>
    [1, 2, 4, Infinity].map((le, index) => ({ le, count: counts[index]! }));
  const before = at(100, 100, 100, 100);
  assertEquals(quantileBetween(0.5, before, before), undefined);
  assertEquals(quantileBetween(0.5, before, at(100, 110, 110, 110)), 1.5);
  assertEquals(quantileBetween(0.99, before, at(150, 150, 200, 200)), 2 + 2 * 0.98);
  assertEquals(quantileBetween(0.99, before, at(100, 100, 100, 110)), 4);
  assertEquals(quantileBetween(0.5, [], at(10, 10, 10, 10)), 0.5);
});
