import { assertEquals } from "@std/assert";
import { parseFlags } from "../../../lib/cli/flags/flags.ts";
import { CLIENT_FLAGS } from "../../../lib/load/config.ts";
import { RunClock } from "../../../lib/load/measure/clock.ts";
import {
  createSharedRefusals,
  RefusedMessages,
} from "../../../lib/load/measure/ledger/refused_messages.ts";
import { createSharedWindow, SentWindow } from "../../../lib/load/measure/ledger/sent_window.ts";
import { AckRecorder } from "../../../lib/load/users/chorus_v1/ack_recorder.ts";
import { planUsers } from "../../../lib/load/users/user_plan.ts";
import { UserPool } from "../../../lib/load/users/user_pool.ts";
import { targetAt } from "./attempt.ts";

Deno.test("UserPool awaits no answers to forgotten messages, but counts them as unanswered", async () => {
  const { config } = parseFlags(CLIENT_FLAGS, { args: ["--count=1", "--protocol=chorus.v1"] });
  const target = targetAt(config.url);
  const [window, refused] = [createSharedWindow(), createSharedRefusals()];
  let timed = 0;
  const acks = new AckRecorder(new SentWindow(window, 1), new RefusedMessages(refused), () => {
    timed++;
  });
  const pool = new UserPool(
    {
      ...{ config, target, plan: planUsers(config, target, []), index: 0, run: 5, seed: 1 },
      ...{ window, refused, orderTable: undefined, stormIds: [], startEpochMs: Date.now() },
      sentBySender: new Int32Array(new SharedArrayBuffer(4)),
    },
    new RunClock(Date.now()),
    {
      acks,
      onOpened: () => {},
      onDelivered: () => {},
      onResumed: () => {},
      onNotice: () => {},
    },
  );
  const user = pool.users[0]!.chorus!;
  const ack = (seq: number) => {
    const bytes = new TextEncoder().encode(
      `{"type":"ack","id":"5-0-${seq}","position":"e-${seq}"}`,
    );
    user.receive(bytes, 0, bytes.length);
  };
  const counts = () => {
    const { acked, unanswered, unknown } = pool.acks;
    return { acked, unanswered, unknown, outstanding: pool.outstanding, timed };
  };
  for (let seq = 0; seq < 65_539; seq++) user.pending.add({ seq, plannedUs: seq, lateUs: 0 });
  for (let seq = 3; seq < 65_539; seq++) ack(seq);
  const all = { acked: 65_536, timed: 65_536, outstanding: 0, unknown: 0 };
  assertEquals(counts(), { ...all, unanswered: 3 });
  for (let seq = 0; seq < 3; seq++) ack(seq);
  assertEquals(counts(), { ...all, acked: 65_539, unanswered: 0 });
  await pool.leave();
});
