import { assertEquals } from "@std/assert";
import { ChorusCluster } from "./chorus_cluster.ts";
import { isNatsMissing } from "./nats_server.ts";

Deno.test({
  name: "Rooms publish no message twice that the log of a node has dropped",
  ignore: isNatsMissing,
  fn: async () => {
    const args = ["--log-retention-bytes=64KiB"];
    await using cluster = await ChorusCluster.start({ nodeCount: 2, natsCount: 1, args });
    const publish = async (node: number, id: number, letter: string) => {
      const body = JSON.stringify({ text: letter.repeat(20_000), name: "Ann", id: `${id}` });
      const url = `http://${cluster.nodes[node]!.host}/rooms/lobby/messages`;
      const headers = { "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body });
      return { status: response.status, ...await response.json() };
    };
    const positions: unknown[] = [];
    for (let id = 0; id < 12; id++) {
      const { status, position } = await publish(0, id, "a");
      assertEquals(status, 201);
      positions.push(position);
    }
    for (const node of [0, 1]) {
      for (const id of [0, 11]) {
        const again = { status: 201, position: positions[id], duplicate: true };
        assertEquals(await publish(node, id, "a"), again);
      }
      assertEquals((await publish(node, 1, "b")).status, 409);
    }
  },
});
