import { DeliveryLedger } from "../../../lib/load/measure/ledger.ts";
import { MarkedMessage } from "../../../lib/load/measure/message.ts";

const RUN = 7;
const SENDERS = 10;
const MESSAGES = 1000;

/** As many messages as one read from a socket may return, of senders that take turns. */
function messagesOf(minBytes: number): readonly Uint8Array[] {
  const message = new MarkedMessage("Client {id} says hello", minBytes);
  return Array.from({ length: MESSAGES }, (_, index) => {
    const [sender, seq] = [index % SENDERS, Math.floor(index / SENDERS)];
    return message.encode(
      { id: sender + 1, name: "", seq: seq + 1, epochMs: 0 },
      { run: RUN, sender, seq, plannedUs: 1000 * index, lateUs: 5 },
    );
  });
}

for (const minBytes of [64, 1024]) {
  const messages = messagesOf(minBytes);
  const length = messages[0]!.length;
  const sentBySender = new Int32Array(SENDERS).fill(MESSAGES / SENDERS);
  Deno.bench(`check 1,000 deliveries of ${length} bytes`, () => {
    const ledger = new DeliveryLedger(RUN, sentBySender);
    const receiver = ledger.join(-1, { name: "", firstSender: 0, senderCount: SENDERS });
    for (const bytes of messages) ledger.receive(receiver, bytes, 0, bytes.length, () => {});
    if (ledger.delivered !== MESSAGES) throw new Error(`Only ${ledger.delivered} were delivered`);
  });
}
