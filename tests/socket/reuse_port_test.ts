import { assertEquals, assertRejects } from "@std/assert";
import { ListenError } from "../../lib/server/start_failure.ts";
import { freePort } from "../free_port.ts";
import { HEALTH, readResponse } from "./http_exchange.ts";
import { closeAll, Peer } from "./peer.ts";
import { RawPeer } from "./raw_peer.ts";
import { ENGINES, startTestApp } from "./test_app.ts";

const ignore = Deno.build.os !== "linux";

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: servers with --reuse-port share the clients of one port`,
    ignore,
    async fn() {
      const shared = { engine, port: freePort(), reusePort: true };
      await using one = await startTestApp(shared);
      await using other = await startTestApp(shared);
      await using peers = new AsyncDisposableStack();
      // The system chooses at random.
      while (one.app.wires.size === 0 || other.app.wires.size === 0) {
        peers.use(await RawPeer.upgrade(shared.port));
      }
      assertEquals([one.port, other.port], [shared.port, shared.port]);
    },
  });

  Deno.test({
    name: `${engine}: a server that stops leaves a port of --reuse-port to the others`,
    ignore,
    async fn() {
      const shared = { engine, port: freePort(), reusePort: true };
      await using one = await startTestApp(shared);
      await using _other = await startTestApp(shared);
      await one.app.drain();
      for (let count = 0; count < 20; count++) {
        using peer = await RawPeer.connect(shared.port);
        await peer.send(HEALTH);
        assertEquals(await readResponse(peer), { status: 200, body: "ok\n" });
      }
    },
  });

  for (const holder of ENGINES) {
    Deno.test({
      name: `${engine}: a server needs --reuse-port on both sides, to share with ${holder}`,
      ignore,
      async fn() {
        for (const [held, wanted] of [[true, false], [false, true]] as const) {
          const port = freePort();
          await using _app = await startTestApp({ engine: holder, port, reusePort: held });
          await assertRejects(
            () => startTestApp({ engine, port, reusePort: wanted }),
            ListenError,
            `Cannot listen on 127.0.0.1:${port}: another program uses this port`,
          );
        }
      },
    });
  }
}

Deno.test({
  name: "direct: a server leaves a port of --reuse-port when it begins to close its members",
  ignore,
  async fn() {
    const shared = { port: freePort(), reusePort: true };
    const times = { drainWindowMs: 3_600_000, drainTimeoutMs: 7_200_000 };
    await using one = await startTestApp({ ...shared, ...times });
    const members = await Peer.openMany(one.url, 2);
    // The window ends with the last member.
    await using _leaving = { [Symbol.asyncDispose]: () => closeAll(members) };
    await using _other = await startTestApp(shared);
    one.app.drain();
    await Promise.race(members.map(({ closed }) => closed));
    for (let count = 0; count < 20; count++) {
      using _peer = await RawPeer.upgrade(shared.port);
    }
  },
});
