import { getLogger } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
import { OPEN_ACCESS } from "../../lib/chat/access.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import { Chat } from "../../lib/chat/chat.ts";
import { CLOSE_CODES, type CloseCode } from "../../lib/chat/close_code.ts";
import type { History } from "../../lib/chat/history/history.ts";
import type { Member } from "../../lib/chat/members/member.ts";
import { OPCODE } from "../../lib/websocket/frame.ts";

const CONFIG = {
  binary: false,
  echo: false,
  greeting: "",
  logMessages: false,
  slowReader: "close",
  logRetentionBytes: 1_000_000,
  maxLogBytes: 0,
  maxRooms: 10,
  maxRoomMembers: 0,
  maxMessageBytes: 1000,
  messageRate: 0,
  byteRate: 0,
  rateBurstMs: 1000,
  ratePolicy: "pace",
  historyMessages: 0,
} as const;

/** A chat on a history, and how its connections were closed. */
function chatOn(history: Partial<History>) {
  const closed: CloseCode[] = [];
  const chat = new Chat(CONFIG, {
    logger: getLogger("test"),
    history: { sessionKey: new Uint8Array(32), epoch: "e", ...history } as History,
    defer: () => {},
    deferTurn: () => {},
    startTimer: () => {},
    startInterval: () => () => {},
    verifyToken: () => ({ message: "no tokens" }),
    readMs: () => 0,
    monotonicMs: () => 0,
    ageLimit: { range: ANY_AGE },
  });
  const join = () => {
    const owner: { member: Member | undefined } = { member: undefined };
    const close = (status: CloseCode) => {
      closed.push(status);
      if (owner.member) chat.leave(owner.member);
    };
    const wire = { sender: { deliver: () => true, sendFrames: () => {} }, close };
    const request = {
      ...{ roomName: "tea", name: null, format: "chorus.v1", session: undefined } as const,
      echo: false,
      protocol: undefined,
      since: "0123456789abcdef-1",
    };
    const id = crypto.randomUUID();
    chat.join(
      { id, wire, access: OPEN_ACCESS, address: "", requestId: undefined },
      request,
      owner,
    );
    return owner.member;
  };
  return { chat, join, closed };
}

Deno.test("Chat.join() closes a connection that cannot join, and does not throw", () => {
  const fail = () => {
    throw new Error("a bad disk");
  };
  for (const history of [{ open: fail }, { open: () => undefined, oldestSeq: fail }]) {
    const { chat, join, closed } = chatOn(history);
    assertEquals([join(), closed], [undefined, [CLOSE_CODES.historyUnavailable]]);
    assertEquals([chat.size, chat.rooms.size], [0, 0]);
  }
});

Deno.test("Chat.receive() closes a member whose message cannot be handled, and does not throw", () => {
  const { chat, join, closed } = chatOn({ open: () => undefined, oldestSeq: () => undefined });
  const member = join()!;
  member.receive = () => {
    throw new TypeError("a bug");
  };
  chat.receive(member, OPCODE.text, new Uint8Array(1), 0, 1);
  assertEquals([closed, chat.size, chat.rooms.size], [[CLOSE_CODES.internalError], 0, 0]);
});
