import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { OPEN_ACCESS } from "../../../lib/chat/access.ts";
import { CLOSE_CODES, type CloseCode } from "../../../lib/chat/close_code.ts";
import { ChorusMember } from "../../../lib/chat/members/chorus_member.ts";
import { Room } from "../../../lib/chat/room.ts";
import { NO_RENEWAL, ROOM_OPTIONS } from "../room_options.ts";

Deno.test("a member whose ack cannot be sent is closed, and the error is reported", async () => {
  const errors: unknown[] = [];
  const closed: CloseCode[] = [];
  const room = new Room("tea", { ...ROOM_OPTIONS, onError: (error) => errors.push(error) });
  let isBroken = false;
  const member = new ChorusMember(
    {
      address: "",
      id: "a",
      author: { id: "a", name: null },
      room,
      clientFormat: "chorus.v1",
      access: OPEN_ACCESS,
      wire: {
        sender: {
          deliver: () => true,
          sendFrames: () => {
            if (isBroken) throw new TypeError("a bug");
          },
        },
        close: (status) => {
          closed.push(status);
          room.leave(member);
        },
      },
      session: "session",
      maxMessageBytes: 1000,
    },
    NO_RENEWAL,
  );
  room.join(member);
  member.enter({ after: room.history.headSeq, isRecovered: false });
  const say = new TextEncoder().encode('{"type":"say","text":"hi","id":"c1"}');
  member.receive(say, 0, say.length, true);
  isBroken = true;
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals([closed, room.size], [[CLOSE_CODES.internalError], 0]);
  assert(errors[0] instanceof TypeError);
});
