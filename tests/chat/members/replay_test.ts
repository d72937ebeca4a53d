import { assertEquals } from "@std/assert";
import { HistoryUnavailableError } from "../../../lib/chat/history/history.ts";
import type { RoomHistory } from "../../../lib/chat/history/room_history.ts";
import { MessageLog } from "../../../lib/chat/log/message_log.ts";
import type { Message } from "../../../lib/chat/message.ts";
import { replay } from "../../../lib/chat/members/replay.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

/** A history of messages, in which some reads fail. A page ends at a gap. */
function historyOf(seqs: readonly number[], failedReads: number): Pick<RoomHistory, "readPage"> {
  let readCount = 0;
  return {
    readPage: ({ after, upTo }, limit) => {
      if (readCount++ < failedReads) throw new HistoryUnavailableError("the disk hangs");
      const later = seqs.filter((seq) => seq > after).slice(0, limit);
      const end = later.findIndex((seq, index) => index > 0 && seq !== later[index - 1]! + 1);
      const page = end < 0 ? later : later.slice(0, end);
      const missedUpTo = (page[0] ?? upTo + 1) - 1;
      return {
        messages: page.map((seq) => ({ seq }) as Message),
        lastSeq: page.at(-1) ?? upTo,
        ...missedUpTo > after && { missed: { upTo: missedUpTo, reason: "not committed" } },
      };
    },
  };
}

/** Replays to a log that has dropped everything up to 1,200. Returns what the member saw. */
async function run(history: Pick<RoomHistory, "readPage">, isActive = () => true) {
  const seen = { seqs: [] as number[], gaps: [] as unknown[], failedReads: 0, liveAfter: -1 };
  const log = new MessageLog({ retentionBytes: 1, headSeq: 1200, budget: AMPLE_BUDGET });
  const options = {
    history,
    log,
    deliver: (messages: readonly Message[]) => {
      seen.seqs.push(...messages.map(({ seq }) => seq));
      return Promise.resolve();
    },
    onMissed: (upTo: number, reason: string) => seen.gaps.push([upTo, reason]),
    handleSlowReader: () => true,
    onReadFailed: () => seen.failedReads++,
    wait: () => Promise.resolve(),
    isActive,
  };
  const result = replay(0, options, (after) => seen.liveAfter = after);
  const error = await result.then(() => undefined, (error) => error.message);
  return { ...seen, error };
}

const ALL = Array.from({ length: 1200 }, (_, index) => index + 1);

Deno.test("replay() delivers every page and goes live after the last", async () => {
  assertEquals(await run(historyOf(ALL, 0)), {
    seqs: ALL,
    gaps: [],
    failedReads: 0,
    liveAfter: 1200,
    error: undefined,
  });
});

Deno.test("replay() tries failed reads again and reports no gap for them", async () => {
  const { seqs, gaps, failedReads, liveAfter } = await run(historyOf(ALL, 7));
  assertEquals([seqs, gaps, failedReads, liveAfter], [ALL, [], 1, 1200]);
});

Deno.test("replay() throws when reads keep failing", async () => {
  const { seqs, gaps, failedReads, liveAfter, error } = await run(historyOf(ALL, Infinity));
  assertEquals([seqs, gaps, failedReads, liveAfter], [[], [], 1, -1]);
  assertEquals(error, "the disk hangs");
});

Deno.test("replay() stops when the member leaves while it waits for a read", async () => {
  const { failedReads, liveAfter, error } = await run(historyOf(ALL, Infinity), () => false);
  assertEquals([failedReads, liveAfter, error], [1, -1, undefined]);
});

Deno.test("replay() does not go live for a member that leaves during its last step", async () => {
  let isActive = true;
  const page = historyOf(ALL, 0).readPage({ after: 0, upTo: 1200 }, 500, Infinity);
  const history = {
    readPage: () => {
      isActive = false;
      return page;
    },
  };
  const { seqs, liveAfter } = await run(history, () => isActive);
  assertEquals([seqs, liveAfter], [[], -1]);
});

Deno.test("replay() reports messages that were never committed as a gap", async () => {
  const committed = ALL.filter((seq) => seq < 40 || (seq >= 50 && seq <= 1100));
  const { seqs, gaps, liveAfter } = await run(historyOf(committed, 0));
  assertEquals([seqs, liveAfter], [committed, 1200]);
  assertEquals(gaps, [[49, "not committed"], [1200, "not committed"]]);
});

Deno.test("replay() goes on after messages that the history has dropped, if the member stays", async () => {
  const dropped = { upTo: 1100, reason: "too slow" } as const;
  const rest = historyOf(ALL, 0);
  const { seqs, gaps, liveAfter } = await run({
    readPage: (range, limit, maxLength) =>
      range.after < 1100
        ? { messages: [], lastSeq: 1100, missed: dropped }
        : rest.readPage(range, limit, maxLength),
  });
  assertEquals([seqs, liveAfter], [ALL.slice(1100), 1200]);
  assertEquals(gaps, [[1100, "too slow"]]);
});
