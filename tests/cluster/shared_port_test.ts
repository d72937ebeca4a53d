import { assertEquals } from "@std/assert";
import { freePort } from "../free_port.ts";
import { Program } from "../main/program.ts";
import { ChorusPeer } from "../socket/chorus_peer.ts";
import { ENGINES } from "../socket/test_app.ts";
import { isNatsMissing, NatsServer } from "./nats_server.ts";

for (const engine of ENGINES) {
  Deno.test({
    name: `${engine}: processes that share a port with --reuse-port are one chat`,
    ignore: isNatsMissing || Deno.build.os !== "linux",
    async fn() {
      await using nats = await NatsServer.start();
      const port = freePort();
      const args = ["--port", `${port}`, "--reuse-port", "--nats", nats.url, "--engine", engine];
      await using one = Program.start("server", args);
      await using other = Program.start("server", args);
      await Promise.all([one, other].map((each) => each.stdoutLine(/listening on/)));
      const hasMember = { one: false, other: false };
      one.stdoutLine(/ connected from /).then(() => hasMember.one = true);
      other.stdoutLine(/ connected from /).then(() => hasMember.other = true);
      await using stack = new AsyncDisposableStack();
      const peers: ChorusPeer[] = [];
      // The system chooses a process for each connection, at random.
      while (!hasMember.one || !hasMember.other) {
        const url = `ws://127.0.0.1:${port}/ws?room=tea&echo=true`;
        peers.push(stack.use(await ChorusPeer.open(url)));
      }
      for (const [index, peer] of peers.entries()) peer.say(`hi from ${index}`);
      const heard = await Promise.all(peers.map((peer) => peer.texts(peers.length)));
      assertEquals(heard, peers.map(() => heard[0]));
      assertEquals(heard[0]!.toSorted(), peers.map((_, index) => `hi from ${index}`).toSorted());
      await using last = await ChorusPeer.open(`ws://127.0.0.1:${port}/ws?room=tea`);
      let { memberCount } = last.welcome;
      while (memberCount < peers.length + 1) ({ memberCount } = await last.next("joined"));
    },
  });
}
