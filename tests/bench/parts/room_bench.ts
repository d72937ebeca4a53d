import { OPEN_ACCESS } from "../../../lib/chat/access.ts";
import type { DeliveryListener } from "../../../lib/websocket/sender.ts";
import { Cursor } from "../../../lib/chat/log/cursor.ts";
import { MessageLog } from "../../../lib/chat/log/message_log.ts";
import { AMPLE_BUDGET, ROOM_OPTIONS } from "../../chat/room_options.ts";
import { PlainMember } from "../../../lib/chat/members/plain_member.ts";
import { Room } from "../../../lib/chat/room.ts";

const ANONYMOUS = { id: null, name: null };

const RETENTION_BYTES = 16 * 1024 * 1024;

for (const length of [24, 1024]) {
  const log = new MessageLog({ retentionBytes: RETENTION_BYTES, budget: AMPLE_BUDGET });
  const message = new Uint8Array(length).fill(0x78);
  Deno.bench(`append 1,000 messages of ${length} bytes`, () => {
    for (let count = 0; count < 1000; count++) log.append(1, message, 0, length);
  });
}

const message = new Uint8Array(24).fill(0x78);

Deno.bench("read 1,000 messages, each fourth one's own", () => {
  const log = new MessageLog({ retentionBytes: RETENTION_BYTES, budget: AMPLE_BUDGET });
  const cursor = new Cursor(log);
  for (let count = 0; count < 1000; count++) {
    const start = log.append(1, message, 0, message.length);
    if (count % 4 === 0) cursor.skip(start, log.head);
  }
  while (cursor.take());
});

for (const isFast of [true, false]) {
  const turns: (() => void)[] = [];
  const room = new Room("lobby", {
    ...ROOM_OPTIONS,
    logRetentionBytes: RETENTION_BYTES,
    defer: (run) => turns.push(run),
    deferTurn: (run) => turns.push(run),
  });
  const pending: DeliveryListener[] = [];
  const deliver = (_: Uint8Array, listener: DeliveryListener) => {
    if (!isFast) pending.push(listener);
    return isFast;
  };
  const wire = { sender: { deliver, sendFrames: () => {} }, close: () => {} };
  for (let count = 0; count < 500; count++) {
    const id = String(count);
    const member = new PlainMember({
      id,
      address: "",
      author: { id, name: null },
      room,
      clientFormat: "plain",
      wire,
      access: OPEN_ACCESS,
    });
    room.join(member);
    member.start(0);
  }
  Deno.bench(`flush a message to 500 ${isFast ? "fast" : "slow"} members`, () => {
    room.publishText("x".repeat(24), ANONYMOUS, {});
    for (let turn; (turn = turns.shift());) turn();
    for (const listener of pending.splice(0)) listener.onDelivered();
    for (let turn; (turn = turns.shift());) turn();
  });
}
