import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EXIT_CODE } from "../../../lib/cli/exit_code.ts";
import { isExpected } from "../../../lib/load/expected_error.ts";
import { HistoryError } from "../../../lib/load/history/history_pages.ts";
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

for (
  const [answer, reason] of [
    [new Response(null, { status: 404 }), "HTTP 404"],
    [new Response("<html>"), "not valid JSON"],
    [new Response("{}"), "the answer has no list of rooms"],
  ] as const
) {
  Deno.test(`HistoryCheck ends the run before it sends if the answer is: ${reason}`, async () => {
    await using server = new ScriptedChorus({
      respond: ({ headers }) => headers.has("upgrade") ? undefined : answer,
    });
    const error = await assertRejects(() => measure(server.port, CHECK), HistoryError);
    assertStringIncludes(
      error.message,
      `Cannot read the history at http://127.0.0.1:${server.port}/rooms: `,
    );
    assertStringIncludes(error.message, reason);
    assert(isExpected(error));
    assertEquals(server.log, []);
  });
}

Deno.test("HistoryCheck fails the run if the history cannot be read at its end", async () => {
  await using server = new ScriptedChorus({
    respond: ({ url }) =>
      url.includes("/messages") ? new Response(null, { status: 500 }) : undefined,
  });
  const { json, exitCode } = await measure(server.port, CHECK);
  const { failure, unrecorded } = json().history;
  assertEquals(
    failure,
    `Cannot read the history at http://127.0.0.1:${server.port}/rooms/lobby/messages: HTTP 500`,
  );
  assertEquals([unrecorded, exitCode], [0, EXIT_CODE.failure]);
});

for (const path of ["/rooms", "/rooms/lobby/messages"]) {
  Deno.test(`HistoryCheck stops waiting for ${path} if the run is interrupted`, async () => {
    const interrupt = new AbortController();
    const held = Promise.withResolvers<Response>();
    await using server = new ScriptedChorus({
      respond: ({ url }) => {
        if (new URL(url).pathname !== path) return undefined;
        interrupt.abort();
        return held.promise;
      },
    });
    const { json } = await measure(server.port, CHECK, { signal: interrupt.signal })
      .finally(() => held.resolve(new Response()));
    assertEquals(
      json().history.failure,
      `Cannot read the history at http://127.0.0.1:${server.port}${path}: the run was interrupted`,
    );
  });
}

Deno.test("HistoryCheck reads the history although the run was interrupted while sending", async () => {
  const interrupt = new AbortController();
  await using server = new ScriptedChorus({
    onSay: ({ id, text }, { index, self, server }) => {
      self.send({ type: "ack", id, position: server.publish(text, self) });
      if (index === 4) interrupt.abort();
    },
  });
  const { json, notices } = await measure(server.port, { ...CHECK, durationMs: 60_000 }, {
    signal: interrupt.signal,
  });
  const { history, messages } = json();
  assertEquals(history, { ...COMPLETE, found: messages.sent });
  assert(notices.includes("Reading the history (Ctrl-C stops)"));
});

Deno.test("HistoryCheck keeps the other parameters of the URL", async () => {
  const queries: string[] = [];
  await using server = new ScriptedChorus({
    respond: ({ url, headers }) => {
      if (!headers.has("upgrade")) queries.push(new URL(url).search);
      return undefined;
    },
  });
  await measure(server.port, {
    ...CHECK,
    url: `ws://127.0.0.1:${server.port}/ws?room=lobby&key=k`,
  });
  assertEquals(queries, [
    "?key=k&after=&limit=1000",
    "?key=k&after=0123456789abcdef-0&limit=1000",
  ]);
});

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
