import { assertEquals } from "@std/assert";
import { ChorusPeer } from "./chorus_peer.ts";
import { lockFile } from "./data_file.ts";
import { Peer } from "./peer.ts";
import { ENGINES, startTestApp, type TestApp } from "./test_app.ts";

/** The status of `/readyz`, and its lines. */
async function readiness({ app }: TestApp): Promise<[number, ...string[]]> {
  const response = await fetch(new URL("/readyz", app.url));
  return [response.status, ...(await response.text()).trimEnd().split("\n")];
}

const FULL = "The server has reached --max-connections";
const UNSTORED = "Messages cannot be stored in --data";

for (const engine of ENGINES) {
  Deno.test(`${engine}: /readyz reports each reason why the server should get no clients`, async () => {
    const folder = await Deno.makeTempDir();
    const data = `${folder}/chat.db`;
    {
      await using server = await startTestApp({ engine, data, maxConnections: 2 });
      assertEquals(await readiness(server), [200, "ready"]);
      await using member = await ChorusPeer.open(server.url);
      const unlock = lockFile(data);
      member.say("not stored", "c1");
      await member.next("error");
      assertEquals(await readiness(server), [503, UNSTORED]);
      {
        await using _other = await Peer.open(server.url);
        await server.logged("{id} connected");
        await server.logged("{id} connected");
        assertEquals(await readiness(server), [503, UNSTORED, FULL]);
      }
      await server.logged("{id} disconnected");
      assertEquals(await readiness(server), [503, UNSTORED]);
      unlock();
      member.say("not stored", "c1");
      await member.next("ack");
      assertEquals(await readiness(server), [200, "ready"]);
    }
    await Deno.remove(folder, { recursive: true });
  });
}
