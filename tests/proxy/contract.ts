import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { isMissing } from "../missing_program.ts";
import { ChorusPeer, textOf } from "../socket/chorus_peer.ts";
import { EventSource } from "../socket/event_source.ts";
import { Peer } from "../socket/peer.ts";
import { RollingUser } from "../socket/rolling_user.ts";
import { ENGINES, startTestApp } from "../socket/test_app.ts";
import { clientAt, HOST, Proxy, type ProxyProgram } from "./proxy.ts";

/** The settings that the manual gives for a server behind a proxy on the same machine. */
const BEHIND_PROXY = { allowOrigin: [`https://${HOST}`], trustProxy: ["127.0.0.1"] };

/** Requests, and the statuses of their responses. */
const STATUSES: readonly (readonly [string, Record<string, string>, number])[] = [
  ["/rooms", { host: HOST }, 200],
  ["/rooms", { host: "other.example" }, 403],
  ["/rooms", { origin: `https://${HOST}` }, 200],
  ["/rooms", { origin: "https://other.example" }, 403],
];

/** Requests that a proxy refuses if it reads requests. */
const PRIVATE_PATHS: typeof STATUSES = [["/metrics", {}, 404], ["/admin/connections", {}, 404]];

/** Targets that a proxy or the server might take for private paths. One of the two refuses them. */
const DISGUISED_TARGETS = [
  ...["/x/../metrics", "/./metrics", "/%2e/metrics", "/x/%2e%2e/metrics", "/x\\..\\metrics"],
  ...["//metrics", "/%6detrics", "/Metrics", "/metrics/", "/metrics%2f", "/metrics;x"],
  ...["/x/../admin/connections", "/admin\\connections", "/%61dmin/connections"],
  ...["//admin/connections", `https://${HOST}/metrics`, `https://${HOST}/x/../metrics`],
];

/** Checks that clients can chat through a proxy with the example of the manual. */
export async function testProxy(program: ProxyProgram): Promise<void> {
  const { name } = program;
  const ignore = await isMissing(program);
  const test = (title: string, fn: () => Promise<void>) =>
    Deno.test({ name: `${name}: ${title}`, ignore, fn });

  for (const engine of program.engines ?? ENGINES) {
    test(`everything that clients can do passes, with --engine ${engine}`, async () => {
      const adminToken = new AdminToken("0123456789abcdef");
      await using server = await startTestApp({ ...BEHIND_PROXY, engine }, { adminToken });
      await using proxy = await Proxy.start(program, server.port);
      await chatThrough(proxy);
      const isHttp = program.isHttp ?? true;
      using client = clientAt("127.0.0.1");
      for (const [path, headers, status] of isHttp ? [...STATUSES, ...PRIVATE_PATHS] : STATUSES) {
        const url = `https://127.0.0.1:${proxy.port}${path}`;
        const response = await fetch(url, { client, headers });
        await response.body?.cancel();
        assertEquals([path, headers, response.status], [path, headers, status]);
      }
      for (const target of isHttp ? DISGUISED_TARGETS : []) {
        const status = await proxy.request(target);
        assert(status === 400 || status === 404, `${target} got ${status}`);
      }
    });

    test(`the server sees the addresses of clients, with --engine ${engine}`, async () => {
      const limit = { maxConnectionsPerAddress: 1 };
      await using server = await startTestApp({ ...BEHIND_PROXY, ...limit, engine });
      await using proxy = await Proxy.start(program, server.port);
      for (const address of ["127.0.0.2", "127.0.0.3"]) {
        using client = clientAt(address);
        const host = `127.0.0.1:${proxy.port}`;
        await using _one = await Peer.open(`wss://${host}/ws`, {}, [], client);
        const { properties } = await server.logged("{id} connected");
        assertEquals(`${properties.address}`.replace(/:\d+$/, ""), address);
        const another = await fetch(`https://${host}/rooms/lobby/events`, { client });
        await another.body?.cancel();
        assertEquals(another.status, 429);
      }
    });
  }

  test("a reload loses and doubles nothing", async () => {
    await using server = await startTestApp(BEHIND_PROXY);
    await using proxy = await Proxy.start(program, server.port);
    await reloadUnderLoad(proxy, program.keepsConnections);
  });
}

/** Uses each way in through a proxy, over TLS, as a page of an accepted origin. */
async function chatThrough(proxy: Proxy): Promise<void> {
  const host = `127.0.0.1:${proxy.port}`;
  using client = clientAt("127.0.0.1");
  const page = await fetch(`https://${host}/`, { client });
  assertStringIncludes(await page.text(), "<!DOCTYPE html>");

  const origin = { origin: `https://${HOST}` };
  await using events = await EventSource.open(`https://${host}/rooms/lobby/events`, {}, client);
  await using plain = await Peer.open(`wss://${host}/ws`, origin, [], client);
  await using chorus = await ChorusPeer.open(`wss://${host}/ws`, undefined, client);

  plain.send("from plain");
  assertEquals(textOf(await chorus.next("said")), "from plain");
  assertEquals((await events.said()).text, "from plain");
  chorus.say("from chorus");
  assertEquals(await plain.next(), "from chorus");
  assertEquals((await events.said()).text, "from chorus");
  const posted = await fetch(`https://${host}/rooms/lobby/messages`, {
    client,
    method: "POST",
    headers: { "content-type": "text/plain", ...origin },
    body: "from HTTP",
  });
  assertEquals([posted.status, Object.keys(await posted.json())], [201, ["position"]]);
  assertEquals(await plain.next(), "from HTTP");
  assertEquals((await events.said()).text, "from HTTP");
}

/** Chats while the proxy reloads. */
async function reloadUnderLoad(proxy: Proxy, keepsConnections: boolean): Promise<void> {
  const host = `127.0.0.1:${proxy.port}`;
  using client = clientAt("127.0.0.1");
  const users = ["a", "b"].map((name) => new RollingUser(`wss://${host}/ws`, name, client));
  const running = users.map((user) => user.run());
  await Promise.all(users.map((user) => user.welcomed()));
  // An event stream that must continue. EventSource would reconnect, this client does not.
  const events = keepsConnections
    ? await EventSource.open(`https://${host}/rooms/lobby/events`, {}, client)
    : undefined;
  let rounds = 0;
  const chat = async () => {
    for (const user of users) user.publish();
    // A client that connects meanwhile.
    await using _visitor = await Peer.open(`wss://${host}/ws`, {}, [], client);
    await publish(host, client, `c-${rounds++}`);
  };
  await chat();
  let isReloaded = false;
  const reloaded = proxy.reload().finally(() => isReloaded = true);
  while (!isReloaded) await chat();
  await reloaded;
  await chat();
  await Promise.all(users.map((user) => user.flushed()));
  await publish(host, client, "end");
  await Promise.all(users.map((user) => user.received("end")));

  const published = (name: string) =>
    Array.from({ length: rounds }, (_, index) => `${name}-${index}`);
  for (const [user, other] of [[users[0]!, "b"], [users[1]!, "a"]] as const) {
    const { texts, gapCount, unrecoveredCount, connectCount } = user.transcript;
    assertEquals(texts.filter((text) => text.startsWith(other)), published(other));
    assertEquals(texts.filter((text) => text.startsWith("c")), published("c"));
    assertEquals([texts.length, gapCount, unrecoveredCount], [2 * rounds + 1, 0, 0]);
    if (keepsConnections) assertEquals(connectCount, 1);
  }
  for (let left = 3 * rounds; events && left > 0; left--) await events.said();
  if (events) assertEquals((await events.said()).text, "end");
  await events?.[Symbol.asyncDispose]();
  const response = await fetch(`https://${host}/rooms/lobby/messages?limit=1000`, { client });
  assertEquals((await response.json()).messages.length, 3 * rounds + 1);
  await Promise.all([...users.map((user) => user.stop()), ...running]);
}

/** Publishes over HTTP, and again with the same id if the proxy closes the connection. */
async function publish(host: string, client: Deno.HttpClient, text: string): Promise<void> {
  const url = `https://${host}/rooms/lobby/messages`;
  const body = JSON.stringify({ text, id: text });
  const headers = { "content-type": "application/json" };
  for (;;) {
    try {
      const response = await fetch(url, { client, method: "POST", headers, body });
      await response.body?.cancel();
      assertEquals(response.status, 201);
      return;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}
