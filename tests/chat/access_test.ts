import { configure, getLogger, type LogRecord, reset } from "@logtape/logtape";
import { assertEquals } from "@std/assert";
import {
  type Access,
  type AccessDenial,
  OPEN_ACCESS,
  type VerifyToken,
} from "../../lib/chat/access.ts";
import { Chat } from "../../lib/chat/chat.ts";
import type { JoinRequest } from "../../lib/chat/join_request.ts";
import type { ServerMessage } from "../../lib/chat/chorus_v1.ts";
import { CLOSE_CODES, type CloseCode } from "../../lib/chat/close_code.ts";
import { ANY_AGE } from "../../lib/chat/history/age_range.ts";
import type { Member } from "../../lib/chat/members/member.ts";
import { eachFrame, OPCODE } from "../../lib/websocket/frame.ts";

/** A user who may read everything, and publish in some rooms. */
function userAccess(user: string, more: Partial<Access> = {}): Access {
  return { ...OPEN_ACCESS, user, ...more };
}

const READ_ONLY = { mayPublish: () => false };

/** A connection of a chat without a network. */
class Client {
  member: Member | undefined;
  closed: CloseCode | undefined;
  readonly received: string[] = [];
  readonly #chat: Chat;
  readonly sender = {
    deliver: (frames: Uint8Array) => {
      this.sender.sendFrames(frames);
      return true;
    },
    sendFrames: (frames: Uint8Array) => {
      for (const { payload } of eachFrame(frames)) {
        this.received.push(new TextDecoder().decode(payload));
      }
    },
  };

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  close(status: CloseCode): void {
    this.closed = status;
    if (this.member) this.#chat.leave(this.member);
  }

  send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#chat.receive(this.member!, OPCODE.text, bytes, 0, bytes.length);
  }

  /** The messages of some types so far. */
  messages(...types: ServerMessage["type"][]): ServerMessage[] {
    return this.received.map((json): ServerMessage => JSON.parse(json))
      .filter(({ type }) => types.includes(type));
  }
}

/** A chat whose clock and timers the test drives. */
function openChat(verifyToken: VerifyToken = () => ({ message: "no" }), isLogging = false) {
  const clock = { nowMs: 0, check: () => {} };
  const deferred: (() => void)[] = [];
  const chat = new Chat({
    ...{ binary: false, echo: false, greeting: "", logMessages: isLogging, slowReader: "close" },
    ...{ logRetentionBytes: 1_000_000, maxLogBytes: 1_000_000, maxRooms: 10, historyMessages: 0 },
    ...{ maxRoomMembers: 0, messageRate: 0, byteRate: 0, rateBurstMs: 0, ratePolicy: "pace" },
    maxMessageBytes: 1000,
  }, {
    logger: getLogger("test"),
    history: undefined,
    defer: (run) => deferred.push(run),
    deferTurn: (run) => deferred.push(run),
    startTimer: () => {},
    startInterval: (run) => {
      clock.check = run;
      return () => clock.check = () => {};
    },
    monotonicMs: () => 0,
    readMs: () => clock.nowMs,
    ageLimit: { range: ANY_AGE },
    verifyToken,
  });
  const join = (access: Access, request: Partial<JoinRequest> = {}): Client => {
    const client = new Client(chat);
    const address = "192.0.2.1:1";
    chat.join({ id: crypto.randomUUID(), wire: client, access, address, requestId: undefined }, {
      ...{
        roomName: "tea",
        name: null,
        format: "chorus.v1",
        protocol: undefined,
        session: undefined,
        echo: false,
      },
      ...request,
    }, client);
    return client;
  };
  /** Ends the turn, and the promises in it. */
  const endTurn = async () => {
    for (const run of deferred.splice(0)) run();
    await new Promise((resolve) => setTimeout(resolve));
  };
  const checkAt = (ms: number) => {
    clock.nowMs = ms;
    clock.check();
  };
  return { chat, join, endTurn, checkAt };
}

async function recordLogs(): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  await configure({
    reset: true,
    sinks: { test: (record) => records.push(record) },
    loggers: [
      { category: "test", sinks: ["test"] },
      { category: ["logtape", "meta"], lowestLevel: "error", sinks: ["test"] },
    ],
  });
  return records;
}

Deno.test("a client joins no room that it may not read", () => {
  const { chat, join } = openChat();
  const client = join(userAccess("ann", { mayRead: (room) => room !== "tea" }));
  assertEquals([client.closed, client.member], [CLOSE_CODES.notPermitted, undefined]);
  assertEquals([chat.size, chat.rooms.size], [0, 0]);
});

Deno.test("a plain text client that publishes without permission is closed with 4503", async () => {
  const { join, endTurn } = openChat();
  const reader = join(OPEN_ACCESS, { format: "plain" });
  const ann = join(userAccess("ann", READ_ONLY), { format: "plain" });
  ann.send("hi");
  join(userAccess("bob", { mayPublish: (room) => room === "tea" }), { format: "plain" }).send("ho");
  await endTurn();
  assertEquals([reader.received, ann.closed], [["ho"], CLOSE_CODES.notPermitted]);
});

Deno.test("a chorus.v1 client that publishes without permission gets an error and stays", async () => {
  const { join, endTurn } = openChat();
  const reader = join(OPEN_ACCESS, { format: "plain" });
  const ann = join(userAccess("ann", READ_ONLY));
  ann.send('{"type":"say","text":"hi","id":"c1"}');
  ann.send('{"type":"say","text":"hi"}');
  await endTurn();
  const error = { type: "error", code: "forbidden", message: "You may not publish in this room" };
  assertEquals(ann.messages("error", "ack"), [{ ...error, id: "c1" }, error] as ServerMessage[]);
  assertEquals([reader.received, ann.closed], [[], undefined]);
});

Deno.test("a client cannot choose a name if its token has one", () => {
  const { join } = openChat();
  assertEquals(
    join(userAccess("ann", { name: "Ann" }), { name: "Bob" }).member!.author.name,
    "Ann",
  );
  assertEquals(join(userAccess("ann"), { name: "Bob" }).member!.author.name, "Bob");
});

Deno.test("a session resumes only for its user", () => {
  const { join } = openChat();
  const session = (client: Client) => {
    const [welcome] = client.messages("welcome");
    return welcome?.type === "welcome" ? welcome.session : "";
  };
  const ann = join(userAccess("ann"));
  const idOf = (access: Access) => join(access, { session: session(ann) }).member!.author.id;
  const { id } = ann.member!;
  assertEquals(idOf(userAccess("ann")), id);
  assertEquals([userAccess("bob"), OPEN_ACCESS].map((each) => idOf(each) === id), [false, false]);
  const stranger = join(OPEN_ACCESS);
  const resumed = join(userAccess("ann"), { session: session(stranger) });
  assertEquals(resumed.member!.author.id === stranger.member!.id, false);
});

Deno.test("the log names the user who connects, and has no token", async () => {
  const records = await recordLogs();
  const { join } = openChat(undefined, true);
  const { id } = join(userAccess("ann")).member!;
  const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.AAAA";
  join(OPEN_ACCESS).send(`{"type":"token","token":"${token}"}`);
  await reset();
  const lines = records.map(({ message }) => message.join(""));
  assertEquals(lines[0], `${id} connected as ann from 192.0.2.1:1 to tea`);
  assertEquals(lines[1]!.replace(/^\S+/, "ID"), "ID connected from 192.0.2.1:1 to tea");
  assertEquals(lines[2]!.replace(/^\S+/, "ID"), 'ID sent: {"type":"token","token":"(token)"}');
});

Deno.test("members are told 25 s before their access ends, and closed with 4401 when it does", () => {
  const { chat, join, checkAt } = openChat();
  const access = userAccess("ann", { expiresAtMs: 60_000 });
  const [ann, plain, other] = [
    ...[join(access), join(access, { format: "plain" }), join(userAccess("bob"))],
  ] as const;
  checkAt(35_000);
  assertEquals(ann!.messages("token"), [{ type: "token", expiresInSeconds: 25 }]);
  assertEquals(plain!.received, []);
  checkAt(60_000);
  assertEquals([ann, plain, other].map((each) => each!.closed), [
    ...[CLOSE_CODES.tokenExpired, CLOSE_CODES.tokenExpired, undefined],
  ]);
  assertEquals(chat.size, 1);
});

Deno.test("a member that leaves is no longer watched", () => {
  const { chat, join, checkAt } = openChat();
  const ann = join(userAccess("ann", { expiresAtMs: 60_000 }));
  chat.leave(ann.member!);
  checkAt(60_000);
  assertEquals([ann.messages("token"), ann.closed], [[], undefined]);
});

/** Lets Ann, whose access ends after 60 s, renew it with a token that gives this. */
async function renew(result: Access | AccessDenial, first: Partial<Access> = {}) {
  const seen: string[] = [];
  const chat = openChat((token) => {
    seen.push(token);
    return Promise.resolve(result);
  });
  const ann = chat.join(userAccess("ann", { expiresAtMs: 60_000, ...first }));
  ann.send('{"type":"token","token":"new"}');
  await chat.endTurn();
  assertEquals(seen, ["new"]);
  return { ...chat, ann };
}

Deno.test("a member with a new token stays beyond the end of its old access", async () => {
  const { ann, checkAt } = await renew(userAccess("ann", { expiresAtMs: 90_000 }));
  assertEquals(ann.messages("token"), [{ type: "token", expiresInSeconds: 90 }]);
  checkAt(60_000);
  assertEquals([ann.messages("token").length, ann.closed], [1, undefined]);
  checkAt(65_000);
  assertEquals(ann.messages("token").length, 2);
  checkAt(90_000);
  assertEquals(ann.closed, CLOSE_CODES.tokenExpired);
});

Deno.test("a member with a new token that does not expire is told null, and stays", async () => {
  const { ann, checkAt } = await renew(userAccess("ann"));
  checkAt(1e15);
  assertEquals(ann.messages("token"), [{ type: "token", expiresInSeconds: null }]);
  assertEquals(ann.closed, undefined);
});

Deno.test("a member with a bad new token stays until its old access ends", async () => {
  const { ann, checkAt } = await renew({ message: "The token has expired: get a new one" });
  assertEquals(ann.messages("error", "token"), [
    { type: "error", code: "bad_token", message: "The token has expired: get a new one" },
  ]);
  checkAt(59_999);
  assertEquals(ann.closed, undefined);
  checkAt(60_000);
  assertEquals(ann.closed, CLOSE_CODES.tokenExpired);
});

Deno.test("a member whose new token is refused is closed if the refusal says so", async () => {
  const { rateLimited } = CLOSE_CODES;
  const denial = {
    message: "no",
    limit: "wrong_tokens_per_address",
    closeCode: rateLimited,
  } as const;
  const { ann, chat } = await renew(denial);
  assertEquals([ann.closed, ann.messages("error"), chat.size], [rateLimited, [], 0]);
  assertEquals(chat.counters.limits.wrong_tokens_per_address, 1);
});

Deno.test("a member cannot become another user with a new token", async () => {
  for (const [user, next] of [["ann", "bob"], [null, "bob"]] as const) {
    const { ann } = await renew(userAccess(next), { user });
    assertEquals(ann.messages("error", "token"), [{
      type: "error",
      code: "bad_token",
      message: "The token is for another user: connect again with it",
    }]);
    assertEquals(ann.member!.access.user, user);
  }
});

Deno.test("a new token can take and give permission to publish", async () => {
  const { ann } = await renew(userAccess("ann", READ_ONLY));
  ann.send('{"type":"say","text":"hi"}');
  assertEquals(ann.messages("error").length, 1);
  const { ann: reader, join, endTurn } = await renew(userAccess("ann"), READ_ONLY);
  const other = join(OPEN_ACCESS, { format: "plain" });
  reader.send('{"type":"say","text":"hi"}');
  await endTurn();
  assertEquals(other.received, ["hi"]);
});

Deno.test("a member whose new token is not for its room is closed with 4503", async () => {
  const { ann, chat } = await renew(userAccess("ann", { mayRead: () => false }));
  assertEquals([ann.closed, ann.messages("token"), chat.size], [CLOSE_CODES.notPermitted, [], 0]);
});

Deno.test("a member must wait for the answer to its last token", async () => {
  const verified = Promise.withResolvers<Access>();
  let count = 0;
  const { join, endTurn } = openChat(() => {
    count++;
    return verified.promise;
  });
  const ann = join(userAccess("ann"));
  for (const token of ["a", "b"]) ann.send(`{"type":"token","token":"${token}"}`);
  await endTurn();
  const message = "Wait for the answer to your last token";
  assertEquals(ann.messages("error", "token"), [{ type: "error", code: "bad_token", message }]);
  verified.resolve(userAccess("ann"));
  await endTurn();
  ann.send('{"type":"token","token":"c"}');
  await endTurn();
  assertEquals([ann.messages("token").length, count], [2, 2]);
});

Deno.test("a member that leaves while its token is verified gets no answer", async () => {
  const verified = Promise.withResolvers<Access>();
  const { chat, join, endTurn, checkAt } = openChat(() => verified.promise);
  const ann = join(userAccess("ann"));
  ann.send('{"type":"token","token":"a"}');
  chat.leave(ann.member!);
  verified.resolve(userAccess("ann", { expiresAtMs: 1 }));
  await endTurn();
  checkAt(1);
  assertEquals([ann.messages("token"), ann.closed], [[], undefined]);
});

Deno.test("a token that is not a string is answered with bad_token", async () => {
  const { join, endTurn } = openChat(() => userAccess("ann"));
  const ann = join(userAccess("ann"));
  for (const json of ['{"type":"token"}', '{"type":"token","token":7}']) ann.send(json);
  await endTurn();
  const message = "The token must be a string";
  const error = { type: "error", code: "bad_token", message } as const;
  assertEquals(ann.messages("error", "token"), [error, error]);
});
