import { assertEquals, assertStringIncludes } from "@std/assert";
import { EXIT_CODE } from "../../lib/cli/exit_code.ts";
import { startTestApp } from "../socket/test_app.ts";
import { CLEAN, measure } from "./measured.ts";
import { type ChorusScript, ScriptedChorus } from "./scripted_chorus.ts";

const CHORUS = { protocol: ["chorus.v1"] };

const ANSWERED = {
  acked: 10,
  refused: 0,
  unanswered: 0,
  unknown: 0,
  unreached: 0,
  unreachedMessages: [] as string[],
  errors: {},
  gaps: {},
};

/** Encodes the third message in another way. */
const damage = (change: (said: string) => string) => (message: unknown) => {
  const text = JSON.stringify(message);
  return /"said","position":"\w+-3"/.test(text) ? change(text) : text;
};

const SERVERS: readonly [
  name: string,
  script: ChorusScript,
  acks: Partial<typeof ANSWERED>,
  delivery: Partial<typeof CLEAN>,
][] = [
  ["publishes and acks every message", {}, {}, {}],
  [
    "orders the fields in another way, with spaces",
    {
      encode: (message) => {
        const { type, ...rest } = message as Record<string, unknown>;
        return JSON.stringify({ ...rest, type }, null, 1);
      },
    },
    {},
    {},
  ],
  [
    "damages the first byte of the third message",
    { encode: damage((said) => `[${said.slice(1)}`) },
    {},
    { delivered: 18, corrupt: 2 },
  ],
  [
    "damages the name of the position of the third message",
    { encode: damage((said) => said.replace("position", "positiom")) },
    {},
    { delivered: 18, corrupt: 2 },
  ],
  [
    "damages the first byte and the marker of the third message",
    { encode: damage((said) => `[${said.slice(1).replace(/(~\w{20})\w/, "$1z")}`) },
    {},
    { delivered: 18, corrupt: 2 },
  ],
  [
    "damages the first byte of the last ack",
    {
      encode: (message) => {
        const text = JSON.stringify(message);
        return /"ack".*-10"/.test(text) ? `[${text.slice(1)}` : text;
      },
    },
    { acked: 9, unanswered: 1 },
    { foreign: 1 },
  ],
  ["acks the third message, and drops it", {
    onSay: ({ id, text }, { index, self, server }) => {
      const position = index === 2 ? server.append(text, self) : server.publish(text, self);
      self.send({ type: "ack", id, position });
    },
  }, {
    unreached: 1,
    unreachedMessages: ["message 3 of user 1 at position 0123456789abcdef-3"],
  }, { delivered: 18, lost: 2 }],
  [
    "acks the third message, and drops it for one receiver",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        const others = [...server.members].filter((member) => member !== self);
        if (index === 2) server.members.delete(others[0]!);
        self.send({ type: "ack", id, position: server.publish(text, self) });
        server.members.add(others[0]!);
      },
    },
    {},
    { delivered: 19, lost: 1 },
  ],
  [
    "refuses every other message",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        if (index % 2 === 0) self.send({ type: "error", code: "forbidden", message: "no", id });
        else self.send({ type: "ack", id, position: server.publish(text, self) });
      },
    },
    { acked: 5, refused: 5, errors: { forbidden: 5 } },
    { delivered: 10 },
  ],
  [
    "refuses the last message",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        if (index === 9) self.send({ type: "error", code: "not_committed", message: "no", id });
        else self.send({ type: "ack", id, position: server.publish(text, self) });
      },
    },
    { acked: 9, refused: 1, errors: { not_committed: 1 } },
    { delivered: 18 },
  ],
  [
    "never acks the third message",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        const position = server.publish(text, self);
        if (index !== 2) self.send({ type: "ack", id, position });
      },
    },
    { acked: 9, unanswered: 1 },
    {},
  ],
  [
    "acks the third message twice, and one that was never sent",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        const ack = { type: "ack", id, position: server.publish(text, self) };
        self.send(ack);
        if (index !== 2) return;
        self.send(ack);
        self.send({ ...ack, id: "stranger" });
        self.send({ ...ack, id: id.replace(/\d+$/, "1000000") });
      },
    },
    { unknown: 3 },
    {},
  ],
  [
    "reports a gap",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        const position = server.publish(text, self);
        if (index === 2) {
          self.send({
            type: "gap",
            after: "e-1",
            before: "e-5",
            missedCount: 3,
            reason: "too slow",
          });
        }
        self.send({ type: "ack", id, position });
      },
    },
    { gaps: { "too slow": { count: 1, missed: 3 } } },
    {},
  ],
];

for (const [name, script, acks, counts] of SERVERS) {
  Deno.test(`ackReport() is exact if the server ${name}`, async () => {
    await using server = new ScriptedChorus(script);
    const { json, exitCode } = await measure(server.port, CHORUS);
    const { acks: found, delivery, latencyMs } = json();
    assertEquals([found, delivery], [{ ...ANSWERED, ...acks }, { ...CLEAN, ...counts }]);
    for (const each of [latencyMs.ack, latencyMs.rawAck]) assertEquals(each.count, found.acked);
    const { refused, unanswered, unknown, unreached } = found;
    const isGood = refused + unanswered + unknown + unreached + delivery.lost +
        delivery.corrupt === 0;
    assertEquals(exitCode, isGood ? EXIT_CODE.ok : EXIT_CODE.failure);
  });
}

Deno.test("ackReport() names messages that were acked and reached nobody", async () => {
  const [, script] = SERVERS.find(([name]) => name === "acks the third message, and drops it")!;
  await using server = new ScriptedChorus(script);
  const { text } = await measure(server.port, { ...CHORUS, json: false, expect: ["unreached=0"] });
  assertStringIncludes(
    text,
    "  unreached: message 3 of user 1 at position 0123456789abcdef-3\n",
  );
  assertStringIncludes(text, "FAILED  unreached=0  (1)");
});

Deno.test("ackReport() does not expect a message to reach anybody in an empty room", async () => {
  await using server = new ScriptedChorus();
  const { json } = await measure(server.port, { ...CHORUS, count: 1 });
  assertEquals(json().acks, ANSWERED);
});

Deno.test("ackReport() adds the acks of all threads", async () => {
  await using server = await startTestApp();
  const { json, exitCode } = await measure(server.port, {
    ...CHORUS,
    count: 6,
    senders: 0,
    workers: 2,
    rate: 200,
    durationMs: 250,
    message: 'He said "{name}" \\ ',
  });
  assertEquals(json().acks, { ...ANSWERED, acked: 50 });
  assertEquals([json().delivery, exitCode], [{ ...CLEAN, delivered: 250 }, EXIT_CODE.ok]);
});

for (const protocol of ["", "chat.v2"]) {
  Deno.test(`users do not connect if the server chooses ${protocol || "no subprotocol"}`, async () => {
    await using server = new ScriptedChorus({ protocol });
    const { json, notices, exitCode } = await measure(server.port, {
      protocol: ["chorus.v1", "chat.v2"],
    });
    const { failures } = json().connections;
    assertEquals([failures, exitCode], [{ "does not speak chorus.v1": 3 }, EXIT_CODE.failure]);
    assertStringIncludes(
      notices.join("\n"),
      `did not choose the subprotocol chorus.v1 but ${protocol || "none"}: remove chorus.v1`,
    );
  });
}
