import { DeliveryLedger } from "../../../lib/load/measure/ledger/ledger.ts";
import { MarkedMessage } from "../../../lib/load/measure/message.ts";

const RUN = 7;
const SENDERS = 10;
const MESSAGES = 1000;

const senders = Array.from({ length: SENDERS }, (_, at) => ({ id: at + 1, name: "", room: "" }));
const room = { name: "", firstSender: 0, senderCount: SENDERS };
const sentBySender = new Int32Array(SENDERS).fill(MESSAGES / SENDERS);

for (const minBytes of [64, 1024]) {
  const message = new MarkedMessage("Client {id} says hello", minBytes);
  // The senders take turns.
  const messages = Array.from({ length: MESSAGES }, (_, index) => {
    const [sender, seq] = [index % SENDERS, Math.floor(index / SENDERS)];
    return message.encode(
      { ...senders[sender]!, seq: seq + 1, epochMs: 0 },
      { run: RUN, sender, seq, plannedUs: 1000 * index, lateUs: 5 },
    );
  });
  Deno.bench(`check 1,000 deliveries of ${messages[0]!.length} bytes`, () => {
    const ledger = new DeliveryLedger({
      ...{ run: RUN, sentBySender, message, senders },
      ...{ startEpochMs: 0, orderTable: undefined },
    });
    const receiver = ledger.join({ id: SENDERS + 1, sender: -1, room }, "websocket");
    for (const bytes of messages) ledger.receive(receiver, bytes, 0, bytes.length, () => {});
    if (ledger.delivered !== MESSAGES) throw new Error(`Only ${ledger.delivered} were delivered`);
  });
}
