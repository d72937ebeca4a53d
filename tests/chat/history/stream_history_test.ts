import { assert, assertEquals, assertRejects } from "@std/assert";
import type { RoomStream, StreamedMessage } from "../../../lib/chat/backplane.ts";
import { ANY_AGE } from "../../../lib/chat/history/age_range.ts";
import { HistoryUnavailableError } from "../../../lib/chat/history/history.ts";
import { StreamHistory } from "../../../lib/chat/history/stream_history.ts";
import { replay } from "../../../lib/chat/members/replay.ts";
import { OPCODE } from "../../../lib/websocket/frame.ts";
import { AMPLE_BUDGET } from "../room_options.ts";

const ANN = { id: "019b0000-0000-7000-8000-00000000000a", name: "Ann" };
const EPOCH = "0123456789abcdef";

const encoder = new TextEncoder();

/** A stream with messages, some of which are gone. */
class FakeStream {
  stored: StreamedMessage[] = [];
  /** The newest message that is gone. */
  goneSeq = 0;
  /** Called when the history wants to catch up. */
  onCatchUp = () => {};
  /** How often the stream was read. */
  readCount = 0;
  hasPending = false;
  receivedSeq = Infinity;
  isClosed = false;
  maxPageMessages = Infinity;

  read: RoomStream["read"] = (after, limit) => {
    this.readCount++;
    const next = this.stored.filter(({ seq }) => seq > after)
      .slice(0, Math.min(limit, this.maxPageMessages));
    return Promise.resolve({
      messages: next.filter(({ duplicateOf }) => duplicateOf === undefined),
      hasGap: after < this.goneSeq,
      lastSeq: next.at(-1)?.seq ?? after,
    });
  };

  readBefore: RoomStream["readBefore"] = (upTo, limit) => {
    this.readCount++;
    const older = this.stored.filter(({ seq, duplicateOf }) =>
      seq <= upTo && duplicateOf === undefined
    );
    return Promise.resolve(older.slice(-limit));
  };

  caughtUp(): Promise<void> {
    this.onCatchUp();
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }

  /** Removes the stored messages up to a sequence number. */
  trim(upTo: number): void {
    this.stored = this.stored.filter(({ seq }) => seq > upTo);
    this.goneSeq = upTo;
  }
}

function messageOf(seq: number, overrides: Partial<StreamedMessage> = {}): StreamedMessage {
  const payload = encoder.encode(`${seq}`.padEnd(500));
  return { seq, author: ANN, atMs: seq, opcode: OPCODE.text, payload, id: `${seq}`, ...overrides };
}

/** A history on a stream that has these messages, and has opened with the last ones of them. */
function historyOn(seqs: readonly number[], { tailCount = 2, retentionBytes = 100_000 } = {}) {
  const stream = new FakeStream();
  const history = new StreamHistory({
    epoch: EPOCH,
    stream: () => stream as unknown as RoomStream,
    log: { retentionBytes, budget: AMPLE_BUDGET },
    historyMessages: 0,
    ageLimit: { range: ANY_AGE },
  });
  stream.stored = seqs.map((seq) => messageOf(seq));
  const tail = tailCount > 0 ? stream.stored.slice(-tailCount) : [];
  const open = () =>
    history.open({ headSeq: seqs.at(-1) ?? 0, tail, hasOlder: tail.length < seqs.length });
  /** A message comes from the stream. */
  const receive = (seq: number) => {
    const message = messageOf(seq);
    stream.stored.push(message);
    history.append(message);
  };
  return { stream, history, open, receive };
}

function positionOf(seq: number): string {
  return `${EPOCH}-${seq}`;
}

/** The messages that a member gets that asks for a replay. */
async function replayed(history: StreamHistory, after: number): Promise<number[]> {
  const seqs: number[] = [];
  const { log } = history;
  await replay(after, {
    history,
    log,
    deliver: (messages) => {
      seqs.push(...messages.map(({ seq }) => seq));
      return Promise.resolve();
    },
    onMissed: (upTo) => seqs.push(-upTo),
    handleSlowReader: () => true,
    onReadFailed: (error) => {
      throw error;
    },
    wait: () => Promise.resolve(),
    isActive: () => true,
  }, (reached) => {
    log.eachAfter(reached, (seq) => seqs.push(seq) > 0);
  });
  return seqs;
}

Deno.test("StreamHistory.replayStart() waits until the history is open", async () => {
  const { history, open } = historyOn([4096, 8192, 8193]);
  const start = history.replayStart({ last: 1 });
  assert(start instanceof Promise);
  open();
  assertEquals(await start, { after: 8192, isRecovered: false });
  assertEquals(await history.replayStart({}), { after: 8193, isRecovered: false });
});

Deno.test("StreamHistory.replayStart() includes what comes while the history is being opened", async () => {
  const { stream, history, open } = historyOn([4096, 8192, 12_288]);
  stream.receivedSeq = 8192;
  const starts = [history.replayStart({}), history.replayStart({ last: 1 })];
  stream.receivedSeq = 12_288;
  const later = history.replayStart({});
  open();
  for (const start of starts) assertEquals(await start, { after: 8192, isRecovered: false });
  assertEquals(await later, { after: 12_288, isRecovered: false });
});

Deno.test("StreamHistory.opened rejects if the stream cannot be read", async () => {
  const { history } = historyOn([]);
  const start = history.replayStart({});
  history.fail(new HistoryUnavailableError("no stream"));
  await assertRejects(() => Promise.resolve(start), HistoryUnavailableError, "no stream");
  await assertRejects(() => history.opened, HistoryUnavailableError);
  await history.backlog;
});

Deno.test("StreamHistory resumes from memory and from the stream", async () => {
  const { stream, history, open, receive } = historyOn([4096, 8192, 8193, 12288]);
  open();
  receive(16384);
  for (const seq of [8192, 8193, 12288, 16384]) {
    assertEquals(await history.replayStart({ since: positionOf(seq) }), {
      after: seq,
      isRecovered: true,
    });
  }
  assertEquals(stream.readCount, 0);
  const since = positionOf(4096);
  assertEquals(await history.replayStart({ since }), { after: 4096, isRecovered: true });
  assertEquals(await replayed(history, 4096), [8192, 8193, 12288, 16384]);
});

Deno.test("StreamHistory catches up before it says that it does not know a position", async () => {
  const { stream, history, open, receive } = historyOn([4096, 8192]);
  open();
  stream.onCatchUp = () => receive(12288);
  const start = await history.replayStart({ since: positionOf(12288) });
  assertEquals(start, { after: 12288, isRecovered: true });
  stream.onCatchUp = () => {};
  for (const since of [positionOf(12289), "ffffffffffffffff-4096", "nonsense"]) {
    assertEquals(await history.replayStart({ since }), {
      after: 4095,
      isRecovered: false,
      gap: { after: since, missedCount: 0, reason: "unknown position" },
    });
  }
});

Deno.test("StreamHistory reports messages that are gone from the stream", async () => {
  const { stream, history, open } = historyOn([4096, 8192, 8193, 12288]);
  open();
  stream.trim(8192);
  const since = positionOf(4096);
  assertEquals(await history.replayStart({ since }), {
    after: 8192,
    isRecovered: false,
    gap: { after: since, missedCount: 0, reason: "expired" },
  });
  assertEquals(await replayed(history, 4096), [-8192, 8193, 12288]);
});

Deno.test("StreamHistory knows that messages before an empty stream are gone", async () => {
  const { stream, history, open, receive } = historyOn([]);
  stream.goneSeq = 8192;
  open();
  receive(12288);
  const since = positionOf(4096);
  assertEquals(await history.replayStart({ since }), {
    after: 12287,
    isRecovered: false,
    gap: { after: since, missedCount: 0, reason: "expired" },
  });
});

Deno.test("StreamHistory resumes from before the first message of an empty stream", async () => {
  const { stream, history, open, receive } = historyOn([]);
  open();
  const { after } = await history.replayStart({ last: 50 });
  receive(12288);
  receive(12289);
  assertEquals(await history.replayStart({ last: 50 }), { after: 12287, isRecovered: false });
  assertEquals(stream.readCount, 0, "memory has all messages");
  const start = await history.replayStart({ since: positionOf(after) });
  assertEquals([start.isRecovered, await replayed(history, start.after)], [true, [12288, 12289]]);
});

Deno.test("StreamHistory recovers nothing across messages that never arrived", async () => {
  const { stream, history, open, receive } = historyOn([4096, 8192]);
  open();
  receive(12288);
  stream.trim(16384);
  history.skipTo(16384);
  receive(20480);
  const since = positionOf(12288);
  assertEquals(await history.replayStart({ since }), {
    after: 20479,
    isRecovered: false,
    gap: { after: since, missedCount: 0, reason: "expired" },
  });
  assertEquals(await history.replayStart({ last: 50 }), { after: 16384, isRecovered: false });
  const read = await history.readBefore(20480, { limit: 10, maxLength: Infinity });
  assertEquals(read.map(({ seq }) => seq), [20480]);
});

Deno.test("StreamHistory replays across a page of duplicates", async () => {
  const { stream, history, open } = historyOn([4096, 8192, 8193, 12288, 16384, 20480]);
  open();
  stream.stored = stream.stored.map((message) =>
    message.seq === 8192 || message.seq === 8193 ? { ...message, duplicateOf: 4096 } : message
  );
  stream.maxPageMessages = 2;
  assertEquals(await replayed(history, 4096), [12288, 16384, 20480]);
});

Deno.test("StreamHistory serves a message that has not arrived only when it arrives", async () => {
  const { stream, history, open } = historyOn([4096, 8192, 8193, 12288]);
  open();
  stream.stored.push(messageOf(16384));
  assertEquals(await replayed(history, 4096), [8192, 8193, 12288]);
});

Deno.test("StreamHistory.readBefore() continues from memory into the stream", async () => {
  const { stream, history, open, receive } = historyOn([4096, 8192, 8193, 12288]);
  open();
  receive(16384);
  const read = async (upTo: number, limit: number, maxLength = Infinity) =>
    (await history.readBefore(upTo, { limit, maxLength })).map(({ seq }) => seq);
  assertEquals(await read(16384, 2), [12288, 16384]);
  assertEquals(stream.readCount, 0);
  assertEquals(await read(16384, 4), [8192, 8193, 12288, 16384]);
  assertEquals(await read(16384, 99), [4096, 8192, 8193, 12288, 16384]);
  assertEquals(await read(8192, 99), [4096, 8192]);
  assertEquals(await read(9000, 1), [8193]);
  assertEquals(await read(4095, 99), []);
  assertEquals(await read(16384, 99, 501), [12288, 16384]);
});

Deno.test("StreamHistory.clear() hides the messages in memory and in the stream", async () => {
  const { history, open, receive } = historyOn([4096, 8192, 8193, 12288]);
  open();
  assertEquals([history.hasMessages, history.messageOf(ANN, "12288")?.seq], [true, 12288]);
  history.clear();
  assertEquals([history.hasMessages, history.messageOf(ANN, "12288")], [false, undefined]);
  assertEquals(await history.readBefore(12288, { limit: 9, maxLength: Infinity }), []);
  assertEquals(await history.replayStart({ last: 9 }), { after: 12288, isRecovered: false });
  receive(16384);
  const since = positionOf(8193);
  assertEquals(await history.replayStart({ since }), {
    after: 16383,
    isRecovered: false,
    gap: { after: since, missedCount: 0, reason: "expired" },
  });
  const start = await history.replayStart({ since: positionOf(12288) });
  assertEquals(start, { after: 12288, isRecovered: true });
});

Deno.test("StreamHistory.messageOf() knows the ids of the tail, and forgets those memory drops", () => {
  const { history, open, receive } = historyOn([4096, 8192], { retentionBytes: 10_000 });
  open();
  assertEquals(history.messageOf(ANN, "4096")?.body, "4096".padEnd(500));
  assertEquals(history.messageOf({ id: null, name: null }, "4096"), undefined);
  for (let seq = 12288; seq < 12388; seq++) receive(seq);
  assert(history.log.seqBefore > 8192);
  assertEquals([history.messageOf(ANN, "4096"), history.messageOf(ANN, "8192")], [
    undefined,
    undefined,
  ]);
  assertEquals(history.messageOf(ANN, "12387")?.seq, 12387);
});

Deno.test("StreamHistory drops duplicates of the tail", async () => {
  const { stream, history, open } = historyOn([4096, 8192, 12288], { tailCount: 3 });
  const [first, second, third] = stream.stored;
  history.open({ headSeq: 12288, tail: [{ ...first!, duplicateOf: 1 }, second!], hasOlder: false });
  history.append(third!);
  assertEquals(await history.replayStart({ last: 9 }), { after: 8191, isRecovered: false });
  assert(open);
});

Deno.test("StreamHistory.isForgettable is false while the room is being opened or has messages to store", () => {
  const { stream, history, open } = historyOn([]);
  assertEquals(history.isForgettable, false);
  open();
  assertEquals(history.isForgettable, true);
  stream.hasPending = true;
  assertEquals(history.isForgettable, false);
  history.dispose();
  assertEquals(stream.isClosed, true);
});
