import { assert, assertEquals } from "@std/assert";
import { EXIT_CODE } from "../../../../lib/cli/exit_code.ts";
import type { Message } from "../../../../lib/chat/message.ts";
import { encodeSaid, encodeServerMessage } from "../../../../lib/chat/chorus_v1.ts";
import { MarkedMessage } from "../../../../lib/load/measure/message.ts";
import { ChorusUser } from "../../../../lib/load/users/chorus_v1/chorus_user.ts";
import { startTestApp } from "../../../socket/test_app.ts";
import { CLEAN, measure } from "../../measured.ts";

const encoder = new TextEncoder();

const MESSAGE: Message = {
  author: { id: "a", name: "Ann" },
  atMs: 0,
  body: "hi",
  seq: 7,
} as unknown as Message;

/** A user that has sent three messages, and the events of its listener. */
function createUser() {
  const events: unknown[] = [];
  const user = new ChorusUser({
    run: 5,
    sender: 3,
    listener: {
      onAcked: (...event) => events.push(["acked", ...event]),
      onRefused: (...event) => events.push(["refused", ...event]),
      onUnknownAck: (...event) => events.push(["unknown", ...event]),
      onError: (...event) => events.push(["error", ...event]),
      onGap: (...event) => events.push(["gap", ...event]),
    },
  });
  for (const seq of [0, 1, 2]) user.pending.add({ seq, plannedUs: seq, lateUs: 0 });
  return {
    user,
    events,
    /** Receives a text among other bytes, as one read. @returns Whether it is a message. */
    receive: (text: string) => {
      const bytes = encoder.encode(`xx${text}yy`);
      const isMessage = user.receive(bytes, 2, bytes.length - 2);
      user.onRead();
      bytes.fill(0);
      return isMessage;
    },
  };
}

const PRETTY = { position: "e-9", text: "hi", type: "said" };

const SAID = encodeSaid("e-7", MESSAGE);

const MARKED_SAID = encodeSaid("e-7", { ...MESSAGE, body: markedText() });

function markedText(): string {
  const message = new MarkedMessage("hi", 0);
  const parts = { id: 1, name: "Ann", seq: 1, epochMs: 0 };
  const marker = { run: 5, sender: 0, seq: 0, plannedUs: 0, lateUs: 0 };
  return new TextDecoder().decode(message.encode(parts, marker));
}

for (
  const [name, text, kind] of [
    ["a said of Chorus", SAID, "message"],
    ["a said with other fields first", JSON.stringify(PRETTY), "message"],
    ["a said with a damaged first byte", SAID.replace("{", "["), "broken"],
    ["a said with a damaged name of its position", SAID.replace("position", "positiom"), "broken"],
    ["a said with a damaged type", MARKED_SAID.replace('"said"', '"saie"'), "broken"],
    ["a said whose position is a number", '{"type":"said","position":7}', "broken"],
    ["text that is not JSON", "hello ~", "broken"],
    ["JSON that is no object", "null", "broken"],
    ["JSON without a type", '{"text":"said"}', "broken"],
    ["a welcome without a session", '{"type":"welcome","position":"e-1"}', "broken"],
    ["an ack without a position", '{"type":"ack","id":"5-3-0"}', "broken"],
    ["an ack without an id", '{"type":"ack","position":"e-1"}', "broken"],
    ["a gap without a reason", '{"type":"gap","missedCount":1}', "broken"],
    ["an error without a code", '{"type":"error","id":"5-3-0"}', "broken"],
    ["a pong", '{"type":"pong"}', "other"],
    ["a type of a later server", '{"type":"reaction","emoji":"~"}', "other"],
  ] as const
) {
  Deno.test(`ChorusUser.receive() takes ${name} as ${kind}`, () => {
    const { receive, events } = createUser();
    assertEquals([receive(text), events], [kind, []]);
  });
}

for (
  const [name, damage] of [
    ["a damaged first byte", (said: string) => said.replace("{", "[")],
    ["a damaged name of its position", (said: string) => said.replace("position", "positiom")],
    ["a position that does not end", (said: string) => said.slice(0, said.indexOf("-9"))],
    ["an empty position", (said: string) => said.replace("e-9", "")],
    ["a number as position", (said: string) => said.replace('"e-9"', "9")],
  ] as const
) {
  Deno.test(`ChorusUser stays at its position after a said with ${name}`, () => {
    const { user, receive } = createUser();
    receive('{"type":"welcome","session":"s.1","position":"e-3"}');
    receive(damage(encodeSaid("e-9", MESSAGE)));
    assertEquals(user.resumeUrl("ws://h/ws"), "ws://h/ws?since=e-3&session=s.1");
    receive(SAID);
    receive(damage(encodeSaid("e-9", MESSAGE)));
    assertEquals(user.resumeUrl("ws://h/ws"), "ws://h/ws?since=e-7&session=s.1");
  });
}

Deno.test("ChorusUser resumes from the last message or welcome, with its session", () => {
  const { user, receive } = createUser();
  const url = "ws://h/ws?room=tea";
  assertEquals(user.resumeUrl(url), url);
  receive('{"type":"welcome","session":"s.1","position":"e-3"}');
  assertEquals(user.resumeUrl(url), `${url}&since=e-3&session=s.1`);
  receive(encodeSaid("e-7", MESSAGE));
  receive('{"type":"pong"}');
  assertEquals(user.resumeUrl(url), `${url}&since=e-7&session=s.1`);
  receive(JSON.stringify(PRETTY));
  assertEquals(user.resumeUrl(url), `${url}&since=e-9&session=s.1`);
  receive(encodeSaid("e-10", MESSAGE));
  receive('{"type":"said", "position":"e-11","from":null,"text":"spaces"}');
  assertEquals(user.resumeUrl(url), `${url}&since=e-11&session=s.1`);
});

Deno.test("ChorusUser tells of acks and errors, by the ids of its messages", () => {
  const { receive, events } = createUser();
  const message = (seq: number) => ({ seq, plannedUs: seq, lateUs: 0 });
  receive(encodeServerMessage({ type: "ack", id: "5-3-0", position: "e-1" }));
  receive('{ "position": "e-2", "id": "5-3-1", "type": "ack" }');
  receive('{"type":"error","id":"5-3-2","code":"forbidden","message":"no"}');
  receive('{"type":"error","code":"bad_token","message":"no"}');
  receive(encodeServerMessage({ type: "ack", id: "5-3-0", position: "e-1" }));
  receive(encodeServerMessage({ type: "ack", id: "5-4-0", position: "e-1" }));
  receive('{"type":"ack","id":"5-3-02","position":"e-1"}');
  receive('{"type":"gap","after":"e-1","before":"e-5","missedCount":3,"reason":"expired"}');
  assertEquals(events, [
    ["acked", 3, message(0), "e-1"],
    ["acked", 3, message(1), "e-2"],
    ["error", "forbidden"],
    ["refused", 3, 2],
    ["error", "bad_token"],
    ["unknown", "5-3-0"],
    ["unknown", "5-4-0"],
    ["unknown", "5-3-02"],
    ["gap", "expired", 3],
  ]);
});

Deno.test("ChorusUser tells of answers to messages that it has forgotten", () => {
  const { user, receive, events } = createUser();
  for (let seq = 3; seq < 2 ** 16 + 2; seq++) user.pending.add({ seq, plannedUs: 0, lateUs: 0 });
  const ack = { type: "ack", id: "5-3-0", position: "e-1" } as const;
  receive(encodeServerMessage(ack));
  receive('{"type":"error","id":"5-3-1","code":"forbidden","message":"no"}');
  receive(encodeServerMessage(ack));
  assertEquals(events, [
    ["acked", 3, { seq: 0 }, "e-1"],
    ["error", "forbidden"],
    ["refused", 3, 1],
    ["unknown", "5-3-0"],
  ]);
});

Deno.test("ChorusUser loses nothing if --churn lets all users reconnect while they send", async () => {
  await using server = await startTestApp();
  const { json, text, exitCode } = await measure(server.port, {
    protocol: ["chorus.v1"],
    count: 5,
    senders: 0,
    churn: 100,
    rate: 500,
    durationMs: 400,
  });
  const { delivery, messages, connections, acks } = json();
  assert(connections.churned > 0);
  assertEquals(delivery, { ...CLEAN, delivered: 4 * messages.sent });
  assertEquals([acks.acked, acks.unanswered, exitCode], [messages.sent, 0, EXIT_CODE.ok], text);
});
