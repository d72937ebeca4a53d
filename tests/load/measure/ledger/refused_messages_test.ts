import { assertEquals } from "@std/assert";
import {
  createSharedRefusals,
  RefusedMessages,
} from "../../../../lib/load/measure/ledger/refused_messages.ts";

Deno.test("RefusedMessages.take() gives each message to each thread once", () => {
  const shared = createSharedRefusals();
  const [one, other] = [new RefusedMessages(shared), new RefusedMessages(shared)];
  const takeFrom = (refused: RefusedMessages) => {
    const taken: [number, number][] = [];
    refused.take(({ sender, seq }) => taken.push([sender, seq]));
    return taken;
  };
  one.add(3, 0);
  assertEquals([takeFrom(one), takeFrom(one)], [[[3, 0]], []]);
  other.add(0, 7);
  assertEquals([takeFrom(one), takeFrom(other)], [[[0, 7]], [[3, 0], [0, 7]]]);
});

Deno.test("RefusedMessages remembers 65,536 messages", () => {
  const refused = new RefusedMessages(createSharedRefusals());
  for (let seq = 0; seq < 70_000; seq++) refused.add(1, seq);
  let count = 0;
  refused.take(() => count++);
  assertEquals(count, 65_536);
});
