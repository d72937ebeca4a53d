import { assert, assertEquals } from "@std/assert";
import { AdminToken } from "../../lib/server/security/admin_token.ts";
import { portOf, Program } from "../main/program.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { Peer } from "../socket/peer.ts";
import { startTestApp, type TestApp } from "../socket/test_app.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";

const ADMIN_TOKEN = "0123456789abcdef0123456789abcdef";

/** Defines a test with a NATS server of its own. */
function natsTest(name: string, run: (nats: NatsServer) => Promise<void>): void {
  Deno.test({
    name,
    ignore: isNatsMissing,
    fn: async () => {
      await using nats = await NatsServer.start();
      await run(nats);
    },
  });
}

function publishIn(room: string, { app }: TestApp): Promise<Response> {
  return fetch(new URL(`rooms/${room}/messages`, app.url), {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body: "hi",
  });
}

natsTest("App.drain() refuses what NATS has not stored before it closes", async (nats) => {
  await using server = await startTestApp({
    nats: [nats.url],
    logMessages: true,
    drainWindowMs: 200,
    drainTimeoutMs: 1500,
  });
  await using chorus = await ChorusPeer.open(server.url);
  await using plain = await Peer.open(server.url);
  plain.send("stored");
  await chorus.next("said");
  await server.logged("{id} sent");
  await nats.kill();
  await server.logged("Messages cannot be stored");
  chorus.say("held", "id-1");
  plain.send("held too");
  const posted = publishIn("lobby", server);
  for (let count = 0; count < 2; count++) await server.logged("{id} sent");
  await server.logged("A client without a name published");
  await server.app.drain();
  assertEquals(await chorus.next("error", "reconnect"), {
    type: "error",
    code: "not_committed",
    message: "The message was not published: send it again",
    id: "id-1",
  });
  await chorus.next("reconnect");
  assertEquals((await chorus.closed).code, 1001);
  assertEquals((await plain.closed).code, 4013);
  const response = await posted;
  await response.body?.cancel();
  assertEquals(response.status, 503);
  const { properties } = await server.logged("{count} messages were not stored");
  assertEquals(properties, { count: 3 });
});

natsTest("the server exits within --drain-timeout while NATS does not answer", async (nats) => {
  await using server = Program.start("server", [
    ...["--port=0", `--nats=${nats.url}`, "--drain-timeout=200ms"],
  ]);
  await portOf(server);
  await nats.stop();
  const startMs = performance.now();
  server.signal("SIGTERM");
  const { code } = await server.ended();
  assertEquals(code, 0);
  // The store alone would take 2.5 s.
  const spentMs = performance.now() - startMs;
  assert(spentMs < 2400, `${spentMs} ms`);
});

natsTest("the HTTP API answers 503 after ten seconds during an outage", async (nats) => {
  const adminToken = new AdminToken(ADMIN_TOKEN);
  await using server = await startTestApp({ nats: [nats.url], drainTimeoutMs: 500 }, {
    adminToken,
  });
  const stored = await publishIn("tea", server);
  assertEquals(stored.status, 201);
  await stored.body?.cancel();
  await nats.kill();
  await server.logged("Messages cannot be stored");
  const responses = await Promise.all([
    publishIn("tea", server),
    publishIn("unopened", server),
    fetch(new URL("admin/rooms/tea", server.app.url), {
      method: "DELETE",
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    }),
  ]);
  const details = await Promise.all(responses.map(async (response) => {
    const { status, detail } = await response.json();
    return [status, detail, response.headers.get("retry-after")];
  }));
  const uncommitted = [503, "The message is not committed: try again with the same id", "1"];
  assertEquals(details, [
    uncommitted,
    uncommitted,
    [503, "The messages of the room cannot be deleted now: try again", "1"],
  ]);
});
