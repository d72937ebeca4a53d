import { assertEquals } from "@std/assert";
import { EventSource } from "./event_source.ts";
import { Peer } from "./peer.ts";
import { HANDSHAKE_HEADERS, RawPeer, rawRequest } from "./raw_peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** One per hour, twice at once. */
const RARE = { rateBurstMs: 7_200_000 };
const ONE_PER_HOUR = 1 / 3600;

const TRUSTED = { trustProxy: ["127.0.0.1"] };

function from(client: string): Record<string, string> {
  return { "x-forwarded-for": client };
}

/** Connects, and returns the status and the Retry-After of the refusal. */
async function refusal(server: TestApp, client: string): Promise<[number, string | null]> {
  const lines = ["GET /ws HTTP/1.1", ...HANDSHAKE_HEADERS, `X-Forwarded-For: ${client}`];
  const { status, headers } = await rawRequest(server.port, lines);
  return [status, headers.get("retry-after")];
}

for (const engine of ENGINES) {
  Deno.test(`${engine}: --trust-proxy makes X-Forwarded-For the client's address`, async () => {
    await using server = await startTestApp({ engine, ...TRUSTED });
    await using _one = await Peer.open(server.url, from("6.6.6.6, 192.0.2.1"));
    assertEquals((await server.logged("{id} connected")).properties.address, "192.0.2.1");
    const url = new URL("/rooms/tea/events", server.app.url);
    await using _events = await EventSource.open(url, from("2001:DB8::1"));
    assertEquals((await server.logged("{id} connected")).properties.address, "2001:db8::1");
  });

  Deno.test(`${engine}: X-Forwarded-For of a peer that is no proxy is ignored`, async () => {
    await using server = await startTestApp({ engine, trustProxy: ["192.0.2.0/24"] });
    await using _one = await Peer.open(server.url, from("192.0.2.1"));
    const { address } = (await server.logged("{id} connected")).properties;
    assertEquals(`${address}`.replace(/:\d+$/, ""), "127.0.0.1");
  });

  Deno.test(`${engine}: --max-connections-per-address counts WebSockets and event streams`, async () => {
    await using server = await startTestApp({ engine, ...TRUSTED, maxConnectionsPerAddress: 2 });
    const url = new URL("/rooms/tea/events", server.app.url);
    const one = await Peer.open(server.url, from("2001:db8::1"));
    await using _events = await EventSource.open(url, from("2001:db8::2"));
    await server.logged("{id} connected");
    assertEquals(await refusal(server, "2001:db8::3"), [429, "10"]);
    const accept = { accept: "text/event-stream" };
    {
      await using refused = await EventSource.open(url, { ...accept, ...from("2001:db8::4") });
      const { event, data } = (await refused.next())!;
      assertEquals([event, JSON.parse(data!).code], ["error", "too_many_connections"]);
    }
    await using _other = await Peer.open(server.url, from("2001:db8:0:1::1"));
    assertEquals(server.app.chat.counters.limits.connections_per_address, 2);
    await one[Symbol.asyncDispose]();
    await server.logged("{id} disconnected");
    await using _again = await Peer.open(server.url, from("2001:db8::5"));
  });

  Deno.test(`${engine}: a burst of upgrades does not exceed --max-connections-per-address`, async () => {
    await using server = await startTestApp({ engine, maxConnectionsPerAddress: 10 });
    const opened = await Promise.allSettled(
      Array.from({ length: 40 }, () => Peer.open(server.url)),
    );
    const peers = opened.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
    assertEquals([peers.length, server.app.chat.counters.limits.connections_per_address], [10, 30]);
  });

  Deno.test(`${engine}: --handshake-rate refuses an address with 429 and Retry-After`, async () => {
    const config = { engine, ...TRUSTED, ...RARE, handshakeRate: ONE_PER_HOUR };
    await using server = await startTestApp(config);
    for (let count = 0; count < 2; count++) {
      await using _peer = await Peer.open(server.url, from("192.0.2.1"));
    }
    const [status, retryAfter] = await refusal(server, "192.0.2.1");
    assertEquals([status, Math.ceil(Number(retryAfter) / 60)], [429, 60]);
    await using _other = await Peer.open(server.url, from("192.0.2.2"));
    assertEquals(server.app.chat.counters.limits.handshakes_per_address, 1);
  });

  Deno.test(`${engine}: --publish-rate refuses an address with 429 and Retry-After`, async () => {
    const config = { engine, ...TRUSTED, ...RARE, publishRate: ONE_PER_HOUR };
    await using server = await startTestApp(config);
    const publish = async (client: string) => {
      const response = await fetch(new URL("/rooms/tea/messages", server.app.url), {
        method: "POST",
        headers: { "content-type": "text/plain", ...from(client) },
        body: "hi",
      });
      await response.body?.cancel();
      return response;
    };
    const statuses = [];
    for (let count = 0; count < 3; count++) statuses.push((await publish("192.0.2.1")).status);
    assertEquals(statuses, [201, 201, 429]);
    const { status, headers } = await publish("192.0.2.1");
    assertEquals([status, Math.ceil(Number(headers.get("retry-after")) / 60)], [429, 60]);
    assertEquals(headers.get("content-type"), "application/problem+json");
    assertEquals((await publish("192.0.2.2")).status, 201);
    assertEquals(server.app.chat.counters.limits.publishes_per_address, 2);
    // Reading is not limited.
    const response = await fetch(new URL("/rooms/tea/messages", server.app.url));
    assertEquals((await response.json()).messages.length, 3);
  });
}

/** Requests `/healthz` on a connection that stays open, and returns the status. */
async function request(peer: RawPeer): Promise<number> {
  await peer.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  const head = await peer.readHead();
  await peer.read("ok\n".length);
  return Number(head.split(" ")[1]);
}

Deno.test("--max-connections-per-address limits pipes as well", async () => {
  await using server = await startTestApp({ maxConnectionsPerAddress: 2 });
  const { port } = server;
  using one = await RawPeer.connect(port);
  using other = await RawPeer.connect(port);
  assertEquals([await request(one), await request(other), await request(one)], [200, 200, 200]);
  assertEquals((await rawRequest(port, ["GET / HTTP/1.1", "Host: 127.0.0.1"])).status, 429);
  assertEquals(server.app.chat.counters.limits.connections_per_address, 1);
  // An upgrade needs no pipe.
  await using _peer = await Peer.open(server.url);
  await other.closeWrite();
  assertEquals(await other.readToEnd(), "");
  using third = await RawPeer.connect(port);
  assertEquals(await request(third), 200);
});

Deno.test("--max-connections-per-address does not limit the pipes of a proxy", async () => {
  await using server = await startTestApp({ ...TRUSTED, maxConnectionsPerAddress: 1 });
  using one = await RawPeer.connect(server.port);
  using other = await RawPeer.connect(server.port);
  assertEquals([await request(one), await request(other)], [200, 200]);
});
