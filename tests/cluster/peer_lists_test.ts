import { assertEquals } from "@std/assert";
import { PeerLists } from "../../lib/cluster/peer_lists.ts";

/** Whether a list is complete before the next timer, so without waiting for a node. */
async function isImmediate(list: Promise<unknown>): Promise<boolean> {
  const timer = Promise.withResolvers<boolean>();
  setTimeout(() => timer.resolve(false), 0);
  const result = await Promise.race([list.then(() => true), timer.promise]);
  await timer.promise;
  return result;
}

Deno.test("PeerLists waits for a node that was late only after it has answered again", async () => {
  const lists = new PeerLists();
  const requests: number[] = [];
  const list = () =>
    lists.list("", 9, ({ request }) => {
      requests.push(request);
      return ["x"];
    });
  const answer = (request: number) => {
    const rooms = [{ room: "tea", memberCount: 2 }];
    lists.receive({ node: "x", request, rooms, isLast: true });
  };
  // The first one ends with the timeout.
  assertEquals(await list(), []);
  assertEquals(await isImmediate(list()), true);
  answer(requests[0]!);
  const waiting = list();
  assertEquals(await isImmediate(waiting), false);
  answer(requests.at(-1)!);
  assertEquals(await waiting, [{ room: "tea", memberCount: 2 }]);
});

Deno.test("PeerLists does not wait for a node that is gone", async () => {
  const lists = new PeerLists();
  const waiting = lists.list("", 9, () => ["x", "y"]);
  lists.stopWaiting("x");
  assertEquals(await isImmediate(waiting), false);
  lists.stopWaiting("y");
  assertEquals(await waiting, []);
});
