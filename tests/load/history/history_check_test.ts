import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { EXIT_CODE } from "../../../lib/cli/exit_code.ts";
import { tempFile } from "../../socket/data_file.ts";
import { startTestApp } from "../../socket/test_app.ts";
import { CLEAN, measure } from "../measured.ts";
import { type ChorusScript, ScriptedChorus } from "../scripted_chorus.ts";

const CHECK = { protocol: ["chorus.v1"], check: ["history"] };

const COMPLETE = {
  found: 10,
  unrecorded: 0,
  misplaced: 0,
  older: 0,
  duplicated: 0,
  reordered: 0,
  corrupt: 0,
  leaked: 0,
  reachesBackTo: null as string | null,
  failure: null as string | null,
  unrecordedMessages: [] as string[],
};

function nameOf(seq: number): string {
  return `message ${seq} of user 1 at position 0123456789abcdef-${seq}`;
}

const SERVERS: readonly [
  name: string,
  script: ChorusScript,
  report: Partial<typeof COMPLETE>,
  delivery?: Partial<typeof CLEAN>,
][] = [
  ["has every message", {}, {}],
  ["has every message, in pages of three", { pageLength: 3 }, {}],
  ["lacks the third message", {
    history: (all) => all.toSpliced(2, 1),
  }, { found: 9, unrecorded: 1, unrecordedMessages: [nameOf(3)] }],
  ["lacks the first message", {
    history: (all) => all.slice(1),
  }, { found: 9, unrecorded: 1, unrecordedMessages: [nameOf(1)] }],
  ["is empty", {
    history: () => [],
  }, {
    found: 0,
    unrecorded: 10,
    unrecordedMessages: Array.from({ length: 10 }, (_, at) => nameOf(at + 1)),
  }],
  ["has the third message twice", {
    history: (all) => all.toSpliced(3, 0, all[2]!),
  }, { duplicated: 1 }],
  ["has a text with a changed first byte", {
    history: (all) => all.with(2, { ...all[2]!, text: `X${all[2]!.text.slice(1)}` }),
  }, { found: 9, corrupt: 1 }],
  ["has two messages at each other's position", {
    history: (all) =>
      all.with(2, { ...all[2]!, text: all[3]!.text }).with(3, { ...all[3]!, text: all[2]!.text }),
  }, { misplaced: 2, reordered: 1 }],
  ["is limited to the last four messages, and says so", {
    history: (all) => all.slice(6),
    isLimited: true,
  }, {
    found: 4,
    older: 6,
    reachesBackTo: "0123456789abcdef-7, published at 2026-11-25T21:00:00.000Z",
  }],
  ["is limited to the last four messages, and lacks one of them", {
    history: (all) => all.slice(6).toSpliced(1, 1),
    isLimited: true,
  }, {
    found: 3,
    older: 6,
    unrecorded: 1,
    unrecordedMessages: [nameOf(8)],
    reachesBackTo: "0123456789abcdef-7, published at 2026-11-25T21:00:00.000Z",
  }],
  [
    "lacks a message that was refused",
    {
      onSay: ({ id, text }, { index, self, server }) => {
        if (index === 2) self.send({ type: "error", code: "forbidden", message: "no", id });
        else self.send({ type: "ack", id, position: server.publish(text, self) });
      },
    },
    { found: 9 },
    { delivered: 18 },
  ],
];

for (const [name, script, report, delivery] of SERVERS) {
  Deno.test(`HistoryCheck has exact counts if the history ${name}`, async () => {
    await using server = new ScriptedChorus(script);
    const { json, exitCode } = await measure(server.port, CHECK);
    const { history, passed } = json();
    assertEquals(history, { ...COMPLETE, ...report });
    assertEquals(json().delivery, { ...CLEAN, ...delivery });
    const { unrecorded, misplaced, duplicated, corrupt } = history;
    const isGood = unrecorded + misplaced + duplicated + corrupt === 0 && !delivery;
    assertEquals([passed, exitCode], [isGood, isGood ? EXIT_CODE.ok : EXIT_CODE.failure]);
  });
}

Deno.test("HistoryCheck names what is missing, and the gate unrecorded=0 fails", async () => {
  await using server = new ScriptedChorus({ history: (all) => all.slice(1) });
  const { text, exitCode } = await measure(server.port, {
    ...CHECK,
    json: false,
    expect: ["unrecorded=0"],
  });
  assertStringIncludes(text, "\nThe history is wrong: 1 unrecorded\n");
  assertStringIncludes(
    text,
    "\n  Not in the history: message 1 of user 1 at position 0123456789abcdef-1\n",
  );
  assertStringIncludes(text, "  FAILED  unrecorded=0  (1)");
  assertEquals(exitCode, EXIT_CODE.gate);
});

Deno.test("HistoryCheck ignores messages that were in the room before the run", async () => {
  await using server = new ScriptedChorus();
  await measure(server.port, CHECK);
  const { json, exitCode } = await measure(server.port, CHECK);
  assertEquals([json().history, exitCode], [COMPLETE, EXIT_CODE.ok]);
});

Deno.test("HistoryCheck fails the run if the server has no history", async () => {
  await using server = new ScriptedChorus({
    respond: ({ headers }) =>
      headers.has("upgrade") ? undefined : new Response(null, { status: 404 }),
  });
  const { json, notices, exitCode } = await measure(server.port, CHECK);
  const { failure, unrecorded } = json().history;
  assertStringIncludes(
    failure,
    `Cannot read the history at http://127.0.0.1:${server.port}/rooms: HTTP 404`,
  );
  assert(notices.includes(failure));
  assertEquals([unrecorded, exitCode], [0, EXIT_CODE.failure]);
});

for (
  const [answer, reason] of [["<html>", "not valid JSON"], ["{}", "no list of rooms"]] as const
) {
  Deno.test(`HistoryCheck fails the run if the server answers ${answer}`, async () => {
    await using server = new ScriptedChorus({
      respond: ({ headers }) => headers.has("upgrade") ? undefined : new Response(answer),
    });
    const { json, exitCode } = await measure(server.port, CHECK);
    assertStringIncludes(json().history.failure, reason);
    assertEquals(exitCode, EXIT_CODE.failure);
  });
}

for (const [protocol, place] of [["chorus.v1", "memory"], ["", "a file"]] as const) {
  Deno.test(`HistoryCheck finds every message of a real server in ${place}`, async () => {
    await using file = await tempFile();
    await using server = await startTestApp(place === "a file" ? { data: file.path } : {});
    const { json, exitCode } = await measure(server.port, {
      protocol: protocol === "" ? [] : [protocol],
      check: ["history"],
      rooms: 2,
      count: 6,
      senders: 0,
      workers: 2,
      rate: 10_000,
      durationMs: 250,
    });
    const { history, messages } = json();
    assertEquals(history, { ...COMPLETE, found: messages.sent });
    assertEquals([messages.sent, exitCode], [2500, EXIT_CODE.ok]);
  });
}

Deno.test("HistoryCheck expects only what a real server retains", async () => {
  await using file = await tempFile();
  await using server = await startTestApp({ data: file.path, historyMessages: 100 });
  const { json, exitCode, text } = await measure(server.port, {
    ...CHECK,
    rate: 5000,
    durationMs: 200,
  });
  const { history, messages } = json();
  assertEquals(history.found + history.older, messages.sent, text);
  assert(history.older > 0);
  assertEquals([history.unrecorded, exitCode], [0, EXIT_CODE.ok]);
});
