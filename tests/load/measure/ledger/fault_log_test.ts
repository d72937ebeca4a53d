import { assertEquals } from "@std/assert";
import { FaultLog } from "../../../../lib/load/measure/ledger/fault_log.ts";

const SENDERS = [{ id: 4, name: "", room: "" }, { id: 9, name: "", room: "" }];
const RECEIVER = { id: 7, sender: -1, room: { name: "", firstSender: 0, senderCount: 2 } };

Deno.test("FaultLog names messages by their senders' ids, counted from 1, sorted by kind", () => {
  const log = new FaultLog(SENDERS);
  log.addLost(RECEIVER, { sender: 0, from: 0, until: 1 });
  log.addLost(RECEIVER, { sender: 1, from: 2, until: 5 });
  log.addDelivery("duplicated", RECEIVER, { sender: 1, seq: 0 }, () => " more than once");
  assertEquals(log.faults, [
    { kind: "duplicated", text: "Message 1 of user 9 arrived at user 7 more than once" },
    { kind: "lost", text: "Message 1 of user 4 did not arrive at user 7" },
    { kind: "lost", text: "Messages 3 to 5 of user 9 did not arrive at user 7" },
  ]);
});

Deno.test("FaultLog names the first five faults of a kind", () => {
  const log = new FaultLog(SENDERS);
  for (let index = 1; index <= 7; index++) log.add("corrupt", () => `${index}`);
  log.add("leaked", () => "other");
  assertEquals(log.faults.map(({ text }) => text), ["1", "2", "3", "4", "5", "other"]);
  assertEquals([log.isFull("corrupt"), log.isFull("leaked")], [true, false]);
});
